"""Whoever fills the folder in which a command is given: none of its files is code, but with ``--trust``."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import dask
import dask_jobqueue
import pytest

from bench import cluster, load_results

SUITE = """\
suite: beside
title: Trained by every kind of process
dataset: digits
train_images: 1440
seeds: 1
epochs: 1
base:
  model: {mlp: {hidden: [4]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 120
questions:
  one: {ask: By a worker?, variants: {compiled: {}}}
  several:
    ask: By several processes?
    variants:
      mirrored: {engine: {multi_worker: {workers: 1}}}
      served: {engine: {parameter_server: {workers: 1}}}
"""
OWN = """\
import keras

class Halved(keras.optimizers.SGD):
    def __init__(self, learning_rate, name="halved"):
        super().__init__(learning_rate / 2, name=name)
"""
COMMAND = (
    "import sys\nfrom bench.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
)


def names():
    """Every module that Python or an installed package could ask for."""
    installed = {name for name in metadata.packages_distributions() if name.isidentifier()}
    return {*sys.stdlib_module_names, *installed, "sitecustomize", "usercustomize"} - {"bench"}


@pytest.fixture
def beside(tmp_path):
    """Gives a command in a folder of such modules; what they did, and the process that ended."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bench").write_text(COMMAND)  # as it is installed
    folder, ran = tmp_path / "hostile", tmp_path / "ran"
    folder.mkdir()
    for name in names():
        code = f"open({str(ran)!r}, 'a').write('{name} ')\n"
        (folder / f"{name}.py").write_text(code + "raise ImportError('not the one you wanted')\n")
    (folder / "beside.yaml").write_text(SUITE)
    paths = [os.path.abspath(path) for path in sys.path if path]  # noqa: PTH100

    def call(*arguments, start=(str(tmp_path / "bin" / "bench"),)):
        done = subprocess.run(
            [sys.executable, *start, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return ran.read_text() if ran.exists() else "", done

    call.folder = folder
    return call


def test_no_command_that_starts_a_process_runs_a_file_of_the_current_folder(beside):
    """Workers, servers and the import of TensorFlow; ``verify`` starts workers too."""
    for arguments in (
        ("run", "beside.yaml", "--workers", "1", "--out", "out"),
        ("verify", "out", "--trials", "1", "--workers", "1"),
        ("doctor",),
    ):
        ran, done = beside(*arguments)
        assert (ran, done.returncode) == ("", 0), done.stderr + done.stdout
    assert (load_results(beside.folder / "out").trials.status == "completed").sum() == 3


def test_python_m_bench_runs_none_but_what_python_itself_looks_for(beside):
    """Python puts the current folder first before anything of Seedwise runs: docs/reliability.md."""
    (beside.folder / "nothing").mkdir()
    (beside.folder / "nothing" / "__main__.py").write_text("import sys; print(*sys.modules)")
    for path in beside.folder.glob("*.py"):
        path.rename(path.with_suffix(".later"))
    _, done = beside("nothing", start=("-m",))
    taken = set(done.stdout.split())
    for path in beside.folder.glob("*.later"):
        if path.stem not in taken:
            path.rename(path.with_suffix(".py"))
    assert (beside.folder / "typing.py").exists()
    ran, done = beside("list", start=("-m", "bench"))
    assert (ran, done.returncode) == ("", 0), done.stderr
    assert "ep3260_ca7" in done.stdout


def test_with_trust_workers_import_what_lies_beside_the_suite(beside):
    for path in beside.folder.glob("*.py"):
        path.unlink()
    (beside.folder / "own.py").write_text(OWN)
    own = SUITE.replace("SGD: {", "'own:Halved': {").replace("served:", "other: {}\n      #")
    (beside.folder / "own.yaml").write_text(own)
    _, done = beside("run", "own.yaml", "--workers", "1", "--out", "out", "--trust")
    assert done.returncode == 0, done.stderr + done.stdout
    assert (load_results(beside.folder / "out").trials.status == "completed").all()


@pytest.mark.parametrize("options", [{}, {"python": "/opt/python"}])
def test_a_job_of_a_queue_takes_no_code_from_where_it_starts(options):
    with dask.config.set({"jobqueue.slurm.python": options.get("python")}):
        defaults = cluster._defaults("slurm", 1)
    del defaults["scheduler_options"]
    job = dask_jobqueue.slurm.SLURMJob(
        "tcp://127.0.0.1:1", "job", cores=1, memory="1GB", **defaults
    )
    python = options.get("python", sys.executable)
    assert f"{python} -P -m distributed.cli.dask_worker" in job.job_script()
