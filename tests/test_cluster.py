"""A run on a Dask cluster of real processes: the same results, whatever dies; and who is refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import dask
import numpy as np
import psutil
import pytest

from bench import cluster as clusters
from bench import driver, executor, load_results, load_suite
from bench.backend import ENVIRONMENT
from bench.errors import ClusterError, DatasetError, UsageError
from tests.test_driver import same_frames

FATAL = """\
import os
import signal
from pathlib import Path

import keras

ARMED = Path(__file__).parent / "armed"  # not while a run is checked
DEATHS = Path(__file__).parent / "deaths"


class Fatal(keras.optimizers.SGD):
    '''Kills its worker in mid-trial, as often as ``armed`` says.'''

    def build(self, variables):
        super().build(variables)
        left = int(ARMED.read_text()) if ARMED.exists() else 0
        if left:
            ARMED.write_text(str(left - 1))
            with DEATHS.open("a") as deaths:
                deaths.write(f"{os.getpid()}\\n")
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def limited(must_end, monkeypatch):
    """None may hang; and workers of a busy machine may take their time to start."""
    monkeypatch.setattr(clusters, "CONNECT_S", 120.0)


class Cluster:
    """``dask scheduler`` and ``dask worker`` as processes on loopback."""

    def __init__(self, folder, *arguments):
        self.folder, self.processes = folder, []
        (folder / "code").mkdir()
        (folder / "code" / "fatal.py").write_text(FATAL)
        about = folder / "scheduler.json"
        where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(about)]
        self.scheduler = self._start("scheduler", *where, "--no-dashboard", *arguments)
        deadline = time.monotonic() + 60
        while not about.exists() or not about.read_text():
            assert time.monotonic() < deadline, "no scheduler"
            time.sleep(0.05)
        self.address = json.loads(about.read_text())["address"]

    def worker(self, *arguments, cwd=None, **environment):
        options = ["--no-dashboard", "--local-directory", str(self.folder), *arguments]
        if "--nthreads" not in options:
            options += ["--nthreads", "1"]
        return self._start("worker", self.address, *options, cwd=cwd, **environment)

    def _start(self, kind, *arguments, cwd=None, **environment):
        path = os.pathsep.join(
            [*environment.pop("before", ()), str(self.folder / "code"), *sys.path]
        )
        bare = {
            k: v for k, v in os.environ.items() if k not in ENVIRONMENT
        }  # as on another machine
        with (self.folder / f"{kind}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments],
                stdout=log,
                stderr=log,
                cwd=cwd or self.folder,
                env={**bare, **environment, "PYTHONPATH": path},
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def wait_for_workers(self, number):
        with clusters.connect(self.address) as client:
            client.wait_for_workers(number, timeout=60)

    def stop(self, *processes):
        for process in processes or self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def start(tmp_path):
    """Starts a scheduler of the test's own."""
    started = []

    def call(*arguments):
        folder = tmp_path / f"cluster-{len(started)}"
        folder.mkdir()
        started.append(Cluster(folder, *arguments))
        return started[-1]

    yield call
    for cluster in started:
        cluster.stop()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """A scheduler and two workers with a nanny each, for the tests that leave them whole."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.worker("--nworkers", "2")
    cluster.wait_for_workers(2)
    yield cluster
    cluster.stop()


class Arms(driver.Silent):
    """Arms ``fatal.py`` once the run was checked."""

    def __init__(self, cluster, times):
        self.armed, self.times = cluster.folder / "code" / "armed", times
        (cluster.folder / "code" / "deaths").unlink(missing_ok=True)

    def planned(self, plan, workers):
        self.armed.write_text(str(self.times))


def fatal(suite, cluster, rate="0.01"):
    """The suite with the deadly optimizer as the variant ``slow``."""
    shutil.copy(cluster.folder / "code" / "fatal.py", suite.parent)  # the driver reads it too
    text = suite.read_text()
    suite.write_text(
        text.replace("SGD: {learning_rate: 0.01}", f'"fatal:Fatal": {{learning_rate: {rate}}}')
    )
    return load_suite(suite)


def deaths(cluster):
    return (cluster.folder / "code" / "deaths").read_text().split()


def plain(results):
    """Without what names the optimizer, and the code that it is."""
    results.trials["settings"] = results.trials["trial_id"] = results.trials["code"] = ""
    for frame in results.frames.values():
        if "trial_id" in frame:
            frame["trial_id"] = ""
    return results


def test_two_drivers_at_once_give_the_bits_of_a_local_run(
    two_workers, tiny, tmp_path, tiny_results
):
    code = "from bench.cli import main; main()"
    arguments = ["run", tiny, "--cluster", two_workers.address]
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--out", tmp_path / name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("one", "other")
    ]
    for process in drivers:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    for name in ("one", "other"):
        results = load_results(tmp_path / name)
        assert results.trials.concurrent.all()
        same_frames(load_results(tiny_results), results)
    about = json.loads(results.runs.cluster.iloc[0])
    assert (about["cluster"], about["workers"], about["machines"]) == (two_workers.address, 2, 1)
    assert (
        about["scheduler"]["distributed"] == json.loads(results.trials.versions[0])["distributed"]
    )
    assert two_workers.address in (tmp_path / "one" / "report.html").read_text()


def test_a_worker_killed_in_mid_trial_loses_nothing(two_workers, tiny, tmp_path, tiny_results):
    suite = fatal(tiny, two_workers)
    results = driver.run(
        suite,
        tmp_path / "out",
        cluster=two_workers.address,
        trust=True,
        observer=Arms(two_workers, 1),
    )
    assert len(deaths(two_workers)) == 1
    same_frames(plain(load_results(tiny_results)), plain(results))


def test_a_trial_that_kills_its_workers_fails_alone(two_workers, tiny, tmp_path, tiny_results):
    # Another rate than above: a worker that lives on has compiled that, and does not build it again.
    suite = fatal(tiny, two_workers, rate="0.02").resized(seeds=1)
    results = driver.run(
        suite,
        tmp_path / "out",
        cluster=two_workers.address,
        trust=True,
        observer=Arms(two_workers, 9),
    )
    assert len(set(deaths(two_workers))) == 4  # the first and three more
    trials = results.trials.set_index("variant")
    assert trials.status.drop("slow").eq("completed").all()
    assert trials.status["slow"] == "failed"
    assert "the worker was lost" in trials.error["slow"]
    assert "4 workers that died" in trials.error["slow"]


@pytest.mark.slow
def test_a_killed_nanny_takes_its_worker_with_it_and_nothing_else(start, tiny, tmp_path):
    """Of ``dask worker``, whose process is the nanny; those of a local run live in the driver."""
    suite = load_suite(tiny).resized(seeds=20)
    whole = driver.run(suite, tmp_path / "whole", workers=0)
    cluster = start()
    nannies = [cluster.worker(), cluster.worker()]

    class Kills(driver.Silent):
        orphans = ()

        def finished(self, use, result):
            if not self.orphans:
                self.orphans = psutil.Process(nannies[0].pid).children(recursive=True)
                nannies[0].kill()

    watched = Kills()
    results = driver.run(suite, tmp_path / "out", cluster=cluster.address, observer=watched)
    same_frames(whole, results)
    assert watched.orphans
    _, alive = psutil.wait_procs(watched.orphans, timeout=120)
    assert alive == []


def test_a_lost_scheduler_is_one_error_and_the_next_run_continues(start, tiny, tmp_path):
    cluster = start()
    cluster.worker("--nworkers", "2")

    class Kills(driver.Silent):
        def finished(self, use, result):
            cluster.stop(cluster.scheduler)

    with pytest.raises(ClusterError, match="the scheduler was lost") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", cluster=cluster.address, observer=Kills())
    assert "the same command again" in caught.value.hint
    kept = load_results(tmp_path / "out").trials.trial_id.nunique()
    assert 1 <= kept < 9
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    assert (results.trials.status == "completed").all()


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--nthreads", "2"], {}, "several threads"),
        ([], {"TF_NUM_INTRAOP_THREADS": "4"}, "TF_NUM_INTRAOP_THREADS=4"),
        ([], {"older": "keras"}, "versions differ"),
        (["--preload", "import tensorflow"], {}, "TensorFlow was loaded"),
    ],
)
def test_a_worker_that_would_compute_in_another_way_is_refused(
    start, tiny, tmp_path, arguments, environment, said
):
    if "older" in environment:  # what a worker with another version would say of itself
        about = tmp_path / "other" / "keras-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 1.0\n")
        environment = {"before": [str(about.parent)]}
    cluster = start()
    cluster.worker(*arguments, **environment)
    with pytest.raises(ClusterError, match=said) as caught:
        driver.run(load_suite(tiny), tmp_path / "out", cluster=cluster.address)
    assert caught.value.where.startswith("worker tcp://")
    assert caught.value.expected
    assert caught.value.hint


def slowly(item):
    time.sleep(0.3)
    return item


def test_a_worker_that_joins_and_is_not_fit_is_avoided(start):
    cluster = start()
    cluster.worker()
    items = {str(i): i for i in range(60)}
    with executor.pool(0, cluster.address) as pool:
        answers = {}
        for key, answer in pool.map(slowly, items):
            if not answers:
                unfit = cluster.worker("--nthreads", "2")
            answers[key] = answer
        assert len(pool._unfit) == 1
    assert answers == items
    cluster.stop(unfit)


def test_data_that_a_worker_lacks_or_has_otherwise_is_refused(start, tiny, tmp_path):
    cluster = start()
    for name, seed in (("a", 0), ("b", 1)):
        rng = np.random.default_rng(seed)
        (tmp_path / name).mkdir()
        np.savez(
            tmp_path / name / "d.npz",
            x_train=rng.normal(size=(40, 4)).astype("f4"),
            x_test=rng.normal(size=(20, 4)).astype("f4"),
            y_train=np.arange(40) % 10,
            y_test=np.arange(20) % 10,
        )
        cluster.worker(cwd=tmp_path / name)
    # Each process has a file of its own under this name.
    text = tiny.read_text().replace("dataset: digits", "dataset: {npz: /proc/self/cwd/d.npz}")
    tiny.write_text(text.replace("batch_size: 50", "batch_size: 20"))
    cluster.wait_for_workers(2)
    with pytest.raises(DatasetError, match="workers have different data") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", cluster=cluster.address)
    assert "line 3, at dataset, on worker tcp://" in caught.value.where
    (tmp_path / "b" / "d.npz").unlink()
    with pytest.raises(DatasetError, match=r"d\.npz") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", cluster=cluster.address)
    assert "on worker tcp://" in caught.value.where


def test_code_that_a_worker_has_otherwise_is_refused(start, tiny, tmp_path, monkeypatch):
    cluster = start()
    for name in "ab":
        (tmp_path / name).mkdir()
        code = f"import keras\nclass Own(keras.optimizers.SGD):\n    name_of_mine = {name!r}\n"
        (tmp_path / name / "mine.py").write_text(code)
        cluster.worker(cwd=tmp_path / name)
    text = tiny.read_text().replace("{SGD: {learning_rate: 0.01}}", '"mine:Own"')
    (tmp_path / "a" / "tiny.yaml").write_text(text)
    monkeypatch.chdir(tmp_path / "a")
    cluster.wait_for_workers(2)
    suite = load_suite(
        "/proc/self/cwd/tiny.yaml"
    )  # each process has a folder of its own under this name
    with pytest.raises(ClusterError, match="a worker has other code than the driver") as caught:
        driver.run(suite, tmp_path / "out", cluster=cluster.address, trust=True)
    assert caught.value.found == "mine has changed"
    assert "variants.slow" in caught.value.where


def test_no_scheduler_and_no_workers_are_said(start, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "CONNECT_S", 1.0)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"):
        driver.run(load_suite(tiny), tmp_path / "out", cluster="tcp://127.0.0.1:1")
    with pytest.raises(ClusterError, match="no Dask scheduler answers"):
        driver.run(load_suite(tiny), tmp_path / "out", cluster="carrier-pigeon://coop")
    with pytest.raises(ClusterError, match="has no workers"):
        driver.run(load_suite(tiny), tmp_path / "out", cluster=start().address)


def test_workers_and_a_cluster_exclude_each_other(tiny, tmp_path):
    with pytest.raises(UsageError, match="a cluster has its own workers"):
        driver.run(load_suite(tiny), tmp_path / "out", cluster="tcp://127.0.0.1:1", workers=2)


# --- TLS and job queues -----------------------------------------------------------------------


@pytest.mark.slow
def test_tls_by_the_settings_of_dask(start, tiny, tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    request = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=seedwise"]
    command = ["openssl", "req", "-x509", *request, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    files = ["--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key]
    cluster = start("--protocol", "tls", *files)
    assert cluster.address.startswith("tls://")
    cluster.worker(*files)
    suite = load_suite(tiny).resized(seeds=1, epochs=1, questions=["rates"])
    with pytest.raises(ClusterError, match="no Dask scheduler answers"):
        driver.run(suite, tmp_path / "out", cluster=cluster.address)
    tls = "distributed.comm.tls"
    client = {f"{tls}.ca-file": certificate, f"{tls}.client.cert": certificate}
    with dask.config.set({**client, f"{tls}.client.key": key}):
        results = driver.run(suite, tmp_path / "out", cluster=cluster.address)
    assert (results.trials.status == "completed").all()


# What Slurm's commands do, as far as dask-jobqueue sees: the script runs, and its number can be cancelled.
SBATCH = """\
#!/bin/sh
cp "$1" {folder}/$$.sh
setsid sh {folder}/$$.sh >>{folder}/jobs.log 2>&1 &
echo $! >>{folder}/jobs
echo "Submitted batch job $!"
"""
SCANCEL = """\
#!/bin/sh
kill -KILL -- "-$1"
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A stand-in for Slurm in the path; the list of its jobs."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, script in (("sbatch", SBATCH.format(folder=folder)), ("scancel", SCANCEL)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)

    def jobs():
        return [int(line) for line in (folder / "jobs").read_text().split()]

    yield jobs
    for job in jobs() if (folder / "jobs").exists() else ():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job, signal.SIGKILL)


@pytest.mark.slow
def test_workers_as_jobs_of_a_queue(slurm, tiny, tmp_path, tiny_results):
    described = tmp_path / "slurm.yaml"
    described.write_text("slurm:\n  cores: 1\n  memory: 2 GB\n  interface: lo\nworkers: 2\n")

    class Kills(driver.Silent):
        """A job whose time is up."""

        done = 0

        def finished(self, use, result):
            self.done += 1
            if self.done == 1:
                os.killpg(slurm()[0], signal.SIGKILL)

    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1 s"}):
        results = driver.run(
            load_suite(tiny), tmp_path / "out", cluster=str(described), observer=Kills()
        )
    same_frames(load_results(tiny_results), results)
    assert len(slurm()) > 2  # another took its place
    deadline = time.monotonic() + 30
    while (left := [job for job in slurm() if alive(job)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "No such file"),
        ("slurm: [", "line 1: not valid YAML"),
        ("- slurm", "other"),
        ("slurm: {cores: 1}", "keys slurm"),
        ("slurn: {cores: 1}\nworkers: 2", "slurn"),
        ("slurm: {memory: 1 GB}\nworkers: 2", "cores"),
        ("slurm: {cores: 1, memory: 1 GB}\nworkers: many", "many"),
        ("slurm: {cores: 1}\nworkers: 2", "memory"),
        ("slurm: {cores: 1, memory: 1 GB}\nworkers: 0", "0"),
    ],
)
def test_a_file_that_describes_no_cluster_is_refused(tiny, tmp_path, text, found):
    path = tmp_path / "cluster.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as caught:
        driver.run(load_suite(tiny), tmp_path / "out", cluster=str(path))
    assert found in caught.value.found
    assert str(path) in caught.value.where


def test_options_that_the_queue_does_not_know_are_refused(bench, tiny, tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("slurm: {cores: 1, memory: 1 GB, colour: red}\nworkers: 2")
    done = bench("run", tiny, "--out", tmp_path / "out", "--cluster", path)
    assert done.returncode == 2
    assert f"{path}, at slurm: dask-jobqueue does not take this" in done.stderr
    assert "colour" in done.stderr
    assert "Traceback" not in done.stderr
