"""Both pools do the same; a lost worker is an exception of its item, not the end."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from bench import executor


def square_or_fail(number):
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number


def threads(_item):
    return os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["OMP_NUM_THREADS"], os.getpid()


def die(item):
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("workers", [0, 2])
def test_every_item_is_answered_once(workers):
    items = {"a": 2, "b": -1, "c": 3}
    with executor.pool(workers) as pool:
        assert pool.workers == workers
        answers = dict(pool.map(square_or_fail, items))
        assert list(pool.map(square_or_fail, {})) == []
    assert (answers["a"], answers["c"]) == (4, 9)
    assert isinstance(answers["b"], ValueError)
    assert "-1 is negative" in str(answers["b"])


def test_workers_are_processes_of_one_thread_and_end_with_the_pool():
    with executor.pool(2) as pool:
        answers = dict(pool.map(threads, {str(i): i for i in range(8)}))
    pids = {pid for _, _, pid in answers.values()}
    assert {(a, b) for a, b, _ in answers.values()} == {("1", "1")}
    assert os.getpid() not in pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not [t for t in threading.enumerate() if "Nanny" in t.name]


def test_an_item_that_kills_its_worker_does_not_take_others_with_it():
    items = {str(i): i for i in range(6)} | {"die": "die"}
    with executor.pool(2) as pool:
        answers = dict(pool.map(die, items))
    assert isinstance(answers.pop("die"), BaseException)
    assert answers == {str(i): i for i in range(6)}
