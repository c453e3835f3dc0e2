"""What ``bench doctor`` says of a machine: of this one, and of ones that lack something."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib import metadata

import psutil
import pytest

from bench import doctor, machine
from bench.backend import ENVIRONMENT
from bench.doctor import _host, _messages, _worker
from bench.suite import parse_suite
from bench.trial import expand

# What TensorFlow 2.21 and 2.16 print on machines with and without a graphics processor.
PRINTED = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:17.403427    7377 port.cc:153] oneDNN custom operations are on. You may see slightly
I0000 00:00:17.403766    7377 cudart_stub.cc:31] Could not find cuda drivers on your machine.
I0000 00:00:17.592138    7377 cpu_feature_guard.cc:227] This TensorFlow binary is optimized to
To enable the following instructions: AVX2 FMA, rebuild TensorFlow with the appropriate compiler flags.
I0000 00:00:18.761310    7377 cudart_stub.cc:31] Could not find cuda drivers on your machine.
E0000 00:00:19.889783    7377 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)
2024-05-01 12:00:00.12: E external/local_xla/cuda_fft.cc:485] Unable to register cuFFT factory
2024-05-01 12:00:00.12: W tensorflow/py_utils.cc:38] TF-TRT Warning: Could not find TensorRT
I0000 00:00:17.403766    7377 moon.cc:31] The moon is full.
"""


def facts(found):
    return dict(found.facts)


def problems(found):
    return [problem.what for problem in found.problems]


# --- this machine -----------------------------------------------------------------------------


def test_this_machine(tmp_path):
    found = doctor.host(tmp_path)
    said = facts(found)
    assert f"numpy {metadata.version('numpy')}" in said["versions"]
    assert str(len(os.sched_getaffinity(0))) in said["cores"]
    assert "GiB free" in said["memory"]
    assert str(tmp_path) in said["disk"]
    assert not found.is_broken
    assert list(tmp_path.iterdir()) == []


def test_what_tensorflow_prints_here_is_known():
    found = doctor.tensorflow()
    assert found.problems == ()
    known = [meaning != _messages.UNKNOWN for _, meaning in found.messages]
    assert sum(known) > len(known) / 2  # another version may have some news


@pytest.mark.slow
def test_a_worker_here():
    found = _worker.examine(seconds=0.5)
    assert not found.is_broken
    said = facts(found)
    assert said["threads"] == "1 of TensorFlow in a worker"
    assert "1 thread(s)" in said["BLAS"]
    took = float(re.search(r"takes ([0-9.]+) s on one thread", said["speed"])[1])
    ratio = float(re.search(r"([0-9.]+) times the 0.138 s", said["speed"])[1])
    assert ratio == pytest.approx(took / _worker.EPOCH_S, abs=0.01)


def test_the_figure_is_that_of_the_docs(repository):
    text = (repository / "docs" / "performance.md").read_text()
    assert f"one worker alone takes {_worker.EPOCH_S} s for an epoch" in text


def test_it_trains_what_the_docs_say(repository):
    text = (repository / "docs" / "performance.md").read_text()
    ours, theirs = (
        {use.trial.training.of_an_epoch for use in expand(parse_suite(suite))}
        for suite in (
            _worker.SUITE,
            re.search(r"(?ms)^    suite: speed.*?batch-100: \{\}\}\}", text)[0],
        )
    )
    assert ours == theirs


# --- TensorFlow -------------------------------------------------------------------------------


def test_messages_are_explained_once_without_their_prefix():
    found = dict(_messages.explained(PRINTED))
    assert len(found) == 9
    assert all("cc:" not in said for said in found)
    assert found["The moon is full."] == _messages.UNKNOWN
    assert list(found.values()).count(_messages.UNKNOWN) == 1
    gpu = found["Could not find cuda drivers on your machine."]
    assert "no graphics processor" in gpu
    assert "another order" in next(m for said, m in found.items() if said.startswith("oneDNN"))


def broken_tensorflow(tmp_path, monkeypatch, code):
    (tmp_path / "tensorflow.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = doctor.tensorflow()
    (problem,) = found.problems
    assert problem.broken
    assert problem.advice
    return problem


def test_tensorflow_that_cannot_be_imported(tmp_path, monkeypatch):
    problem = broken_tensorflow(tmp_path, monkeypatch, "raise ImportError('no libfoo.so')")
    assert problem.what == "TensorFlow cannot be imported: ImportError: no libfoo.so"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGILL, "instructions that this processor does not have"),
        (signal.SIGKILL, "SIGKILL"),
    ],
)
def test_tensorflow_that_is_ended(tmp_path, monkeypatch, number, said):
    code = f"import os; os.kill(os.getpid(), {int(number)})"
    assert said in broken_tensorflow(tmp_path, monkeypatch, code).what


def test_tensorflow_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(_messages, "LIMIT_S", 1)
    problem = broken_tensorflow(tmp_path, monkeypatch, "import time; time.sleep(60)")
    assert "not imported within 1 s" in problem.what


# --- machines that lack something -------------------------------------------------------------


def test_versions_that_are_too_old(monkeypatch):
    asked = ["numpy>=999", "no-such-thing-anywhere>=1", "dask>=0", 'other>=9; extra == "cluster"']
    monkeypatch.setattr(metadata, "requires", lambda name: asked)
    old, missing = _host._too_old()
    assert old.what == f"numpy: {metadata.version('numpy')} is installed, >=999 is needed"
    assert old.advice == 'pip install "numpy>=999"'
    assert missing.what.startswith("no-such-thing-anywhere: none is installed")
    assert old.broken
    assert missing.broken


def test_what_is_installed_here_is_enough():
    assert _host._too_old() == []


def test_a_container_with_less_time_than_cores(monkeypatch):
    monkeypatch.setattr(_host, "machine", lambda: {**machine.machine(), "cores": 8})
    monkeypatch.setattr("dask.system.cpu_count", lambda: 3)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    (problem,) = _host._cores().problems
    assert "the time of 3 of 8 cores" in problem.what
    assert problem.advice == "bench run ... --workers 3"
    assert not problem.broken


def test_other_programs_that_run(monkeypatch):
    monkeypatch.setattr(psutil, "getloadavg", lambda: (64.0, 0.0, 0.0))
    assert "other programs are running" in problems(_host._cores())[0]


@pytest.mark.parametrize(("sets", "count"), [((), 1), (("avx2",), 0)])
def test_a_processor_without_avx2(monkeypatch, sets, count):
    monkeypatch.setattr(_host, "instruction_sets", lambda: sets)
    monkeypatch.setattr(_host.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert sum("lacks AVX2" in what for what in problems(_host._cores())) == count


def test_instruction_sets_of_this_processor():
    found = machine.instruction_sets()
    assert set(found) <= set(machine.INSTRUCTION_SETS)
    assert found or machine._cpuinfo("flags") is None


def test_settings_of_the_shell(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    assert facts(_host._threads())["environment"] == "as Seedwise sets it"
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    found = _host._threads()
    assert "OMP_NUM_THREADS=16" in facts(found)["environment"]
    (problem,) = found.problems
    assert problem.advice == "unset OMP_NUM_THREADS"


def test_too_little_memory(monkeypatch):
    monkeypatch.setattr(_host, "machine", lambda: {**machine.machine(), "cores": 4})
    monkeypatch.setattr("bench.doctor._host.memory_bytes", lambda: int(4.5 * 2**30))
    (problem,) = _host._memory().problems
    assert "4 workers may need 7.1 GiB" in problem.what
    assert "--workers 2" in problem.advice


def test_a_folder_without_room_or_that_cannot_be_written(monkeypatch, tmp_path):
    class Usage:
        free = 2**20

    monkeypatch.setattr(psutil, "disk_usage", lambda path: Usage)
    (tmp_path / "file").touch()
    found = _host._disk(tmp_path / "file")
    *room, written = problems(found)
    assert len(room) == 2
    assert "results cannot be written" in written
    assert not found.is_broken


def test_a_worker_that_cannot_train(monkeypatch):
    class Pool:
        def __enter__(self):
            raise OSError("no port is free")

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(_worker.executor, "pool", lambda workers: Pool())
    (problem,) = _worker.examine().problems
    assert problem.broken
    assert "no port is free" in problem.what
    assert "--workers 0" in problem.advice


@pytest.mark.parametrize(("processor", "shared"), [(0.2, False), (0.05, True)])
def test_a_speed_is_compared_and_said_to_be_shared(processor, shared):
    found = _worker._speed([(0.2, processor)] * 3)
    assert "takes 0.200 s on one thread (median of 3), 1.45 times" in facts(found)["speed"]
    assert bool(found.problems) == shared
    if shared:
        assert "for 25% of the time only" in found.problems[0].what
        assert "took 0.050 s of it" in facts(found)["speed"]


def test_threads_that_are_too_many():
    pool = {"user_api": "blas", "internal_api": "openblas", "num_threads": 8, "version": "1"}
    found = _worker._threads({"tensorflow": 1, "pools": [pool]}, 4.0)
    assert facts(found)["BLAS"] == "openblas 1 (one kernel), 8 thread(s)"
    assert "several threads" in problems(found)[0]


# --- the command ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command(bench, tmp_path):
    done = bench("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for said in ("versions", "instruction sets", "memory", "disk", "BLAS", "speed", "oneDNN"):
        assert said in done.stdout
    assert "nothing to do" in done.stdout or "to do:" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_is_broken(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no libfoo.so')")
    done = subprocess.run(
        [sys.executable, "-c", "from bench.cli import main; main()", "doctor"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "broken: TensorFlow cannot be imported: ImportError: no libfoo.so" in done.stdout
    assert "pip install --force-reinstall tensorflow" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
