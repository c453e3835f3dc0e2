"""Both pools do the same; a lost worker is an exception of its item, not the end."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import dask
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


CLOSING = """
import logging
from bench import executor

if __name__ == "__main__":
    with executor.pool(1):
        logging.getLogger("distributed.scheduler").critical("Closed comm while trying to write")
"""


def test_dask_says_nothing_of_a_connection_that_is_being_closed():
    done = subprocess.run(
        [sys.executable, "-c", CLOSING], capture_output=True, text=True, timeout=120, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("xyz"), min_size=1))
def test_each_item_has_one_turn_and_none_is_far_ahead(kinds, workers):
    items = {str(i): kind for i, kind in enumerate(kinds)}
    turns, waiting = executor.Turns(items), list(items)
    for worker in itertools.islice(itertools.cycle(workers), len(items)):
        key = turns.take(worker, ["x", "y", "z"])
        assert waiting.index(key) < 2 * len(set(kinds))
        waiting.remove(key)
    assert not waiting
    assert turns.take("x", ["x"]) is None


def test_a_kind_stays_with_a_worker_until_another_has_nothing_to_do():
    kinds = {f"{kind}{seed}": kind for seed in range(5) for kind in "abcdef"}
    turns, had = executor.Turns(kinds), {"x": set(), "y": set()}
    for worker in "xyyxxy" * 5:
        had[worker].add(turns.take(worker, ["x", "y"])[0])
    assert sorted(had["x"] | had["y"]) == list("abcdef")
    assert not had["x"] & had["y"]


def test_seeds_stay_blocks_while_workers_keep_their_kinds():
    kinds = {f"{kind}{seed}": kind for seed in range(5) for kind in "abcdef"}
    turns = executor.Turns(kinds)
    order = [turns.take(worker, ["x", "y"]) for worker in "xy" * 15]
    assert [key[1] for key in order] == sorted(key[1] for key in kinds)


def test_turns_of_very_many_kinds_are_found_quickly():
    begin = time.process_time()
    turns = executor.Turns({str(i): str(i) for i in range(50_000)})
    for i in range(50_000):
        assert turns.take("x", ["x"]) == str(i)
    assert time.process_time() - begin < 5  # 0.1 s; minutes if each looked at all


def test_an_idle_worker_helps_and_a_gone_one_owns_nothing():
    turns = executor.Turns({f"a{seed}": "a" for seed in range(4)})
    assert [turns.take(w, ["x", "y"]) for w in "xy"] == ["a0", "a1"]
    turns = executor.Turns({f"{k}{seed}": k for seed in range(2) for k in "ab"})
    assert [turns.take(w, ["x", "y"]) for w in "xy"] == ["a0", "b0"]
    assert [turns.take("y", ["y"]) for _ in "12"] == ["a1", "b1"]


def pid_of(_item):
    return os.getpid()


def test_workers_are_given_items_of_their_kinds():
    items = {f"{kind}{i}": kind for i in range(6) for kind in "ab"}
    with executor.pool(2) as pool:
        answers = dict(pool.map(pid_of, items, kind=str))
    assert set(answers) == set(items)
    pids = {kind: {pid for key, pid in answers.items() if key[0] == kind} for kind in "ab"}
    assert len(pids["a"] | pids["b"]) == 2


def test_an_item_that_kills_its_worker_does_not_take_others_with_it():
    items = {str(i): i for i in range(6)} | {"die": "die"}
    with executor.pool(2) as pool:
        answers = dict(pool.map(die, items))
    assert isinstance(answers.pop("die"), BaseException)
    assert answers == {str(i): i for i in range(6)}


def die_once(marker):
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@pytest.mark.usefixtures("must_end")
def test_a_worker_that_takes_long_to_start_again_is_waited_for(tmp_path):
    """Longer than Dask waits, which is made short here; it would have no workers then, for ever."""
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1ms"}),
        executor.pool(1) as pool,
    ):
        answers = dict(pool.map(die_once, {"a": tmp_path / "died"}))
    assert answers == {"a": "done"}


def process(item):
    return os.getpid()


@pytest.mark.usefixtures("must_end")
def test_an_item_that_is_given_to_a_worker_just_after_its_death_is_done_by_the_next():
    """No worker is there at that moment, and Dask would keep the item for the dead one, for ever."""
    items = dict.fromkeys("abcd")
    with executor.pool(1) as pool:
        answers = pool.map(process, items)
        _, first = next(answers)  # the worker has been given two more
        os.kill(first, signal.SIGKILL)
        while pool._client.cluster.scheduler.workers:
            time.sleep(0.001)
        rest = [answer for _, answer in answers]
    assert len(rest) == 3
    assert rest[-1] not in (first, os.getpid())
