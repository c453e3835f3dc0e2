"""The results file in a hostile world: full disks, deleted folders, broken bytes. Never a traceback."""

from __future__ import annotations

import contextlib
import ctypes
import random
import resource
import shutil
import sqlite3

import pytest

from bench import driver, load_results, load_suite
from bench.errors import BenchError, StoreError
from bench.store import FILE, Store
from bench.verify import verify

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # of Linux: prctl.h, capability.h


def ids(out):
    db = sqlite3.connect(out / FILE)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in db.execute("SELECT trial_id FROM trials")}
    finally:
        db.close()


def test_a_full_disk_is_one_error_and_the_next_run_continues(tiny, tmp_path):
    out = tmp_path / "out"

    class Fills(driver.Silent):
        """Lets no file grow once two trials are written, as a full disk or a quota does."""

        done = 0

        def finished(self, use, result):
            self.done += 1
            if self.done == 2:
                size = (out / FILE).stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StoreError, match="could not be written") as caught:
            driver.run(load_suite(tiny), out, workers=0, observer=Fills())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "the same command again" in caught.value.hint
    kept = ids(out)
    assert 2 <= len(kept) < 9
    results = driver.run(load_suite(tiny), out, workers=0)
    assert kept < ids(out)
    assert results.trials.trial_id.nunique() == 9


@pytest.mark.parametrize("size", [0, 8192])
def test_a_disk_that_is_full_from_the_start(tiny, tmp_path, size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(StoreError, match="could not be written") as caught:
            driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "make room" in caught.value.hint
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    assert results.trials.trial_id.nunique() == 9


def bound_by_permissions():
    """In the child: root may no longer write where permissions forbid it."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.parametrize("begun", [False, True])
def test_a_read_only_folder_is_one_error(tiny, tiny_results, tmp_path, bench, begun):
    """A real process, as a user without rights there."""
    out = tmp_path / "out"
    if begun:
        shutil.copytree(tiny_results, out)
    else:
        out.mkdir()
    for path in out.iterdir():
        path.chmod(0o444)
    out.chmod(0o555)
    try:
        options = ["--workers", "0", "--seeds", "4"]
        done = bench("run", tiny, "--out", out, *options, preexec_fn=bound_by_permissions)
        reading = bench("status", out, preexec_fn=bound_by_permissions)
    finally:
        out.chmod(0o755)
    assert done.returncode == 2, done.stdout
    assert f"{out}: the results folder cannot be written" in done.stderr
    assert "what to do: choose another with --out" in done.stderr
    assert "Traceback" not in done.stderr
    assert reading.returncode == (0 if begun else 2), reading.stderr
    if begun:
        assert len(ids(out)) == 9


@pytest.mark.parametrize("gone", ["the folder", "the file", "another in its place"])
def test_results_that_are_deleted_in_mid_run_are_missed_at_once(tiny, tmp_path, gone):
    out = tmp_path / "out"

    class Deletes(driver.Silent):
        done = 0

        def finished(self, use, result):
            self.done += 1
            if self.done == 1 and gone == "the folder":
                shutil.rmtree(out)
            elif self.done == 1:
                (out / FILE).unlink()
            if self.done == 1 and gone == "another in its place":
                (out / FILE).touch()

    watched = Deletes()
    with pytest.raises(StoreError, match="is gone") as caught:
        driver.run(load_suite(tiny), out, workers=0, observer=watched)
    assert watched.done == 1
    assert caught.value.where == str(out)
    assert caught.value.hint


def test_broken_bytes_are_refused_or_do_not_matter(tiny_results, tmp_path):
    whole = (tiny_results / FILE).read_bytes()
    rng, refused = random.Random(0), 0
    for number in range(150):
        broken = bytearray(whole)
        if number % 3 == 0:
            del broken[rng.randrange(len(whole)) :]
        for _ in range(rng.choice([1, 8, 64])):
            if broken:
                broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        out = tmp_path / str(number)
        out.mkdir()
        (out / FILE).write_bytes(broken)
        for attempt in (load_results, open_and_ask, check):
            with contextlib.suppress(BenchError):
                attempt(out)
                continue
            refused += 1
        shutil.rmtree(out)
    assert refused > 50


def check(out):
    list(verify(out, trials=0))


def open_and_ask(out):
    with Store(out) as store:
        store.suite()
        store.finished()
        store.kept()
