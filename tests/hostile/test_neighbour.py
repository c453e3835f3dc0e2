"""Somebody else on this machine: reaches no port of a run, and nothing that a run has left behind."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench import datasets, engines
from bench.engines import _cluster, _namespace
from bench.errors import TrustError
from bench.runner import order
from bench.trial import Training

HERE = Path("/proc/self/ns/net").readlink() if sys.platform == "linux" else None
SEVERAL = Training(
    dataset="digits",
    validation=0,
    train_images=1440,
    model={"mlp": {"hidden": [4]}},
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=120,
    engine={"parameter_server": {"workers": 1}},
    epochs=1,
)
STRANGER = """
import asyncio, sys
from distributed import Scheduler, Security, rpc

async def answers(address, security):
    try:
        async with rpc(address, connection_args=security.get_connection_args("client"), timeout=3) as one:
            return bool(await asyncio.wait_for(one.identity(), 3))
    except (OSError, TimeoutError, TypeError, RuntimeError):
        return False

async def main():
    async with Scheduler(host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0") as open_one:
        print(await answers(open_one.address, Security()))
    ports = sys.argv[1:]
    ways = [("tcp", Security()), ("tls", Security.temporary())]  # without a key, and with one of his own
    tried = [answers(f"{scheme}://127.0.0.1:{port}", key) for scheme, key in ways for port in ports]
    print(*await asyncio.gather(*tried))

asyncio.run(main())
"""
LISTENING = """
import sys, time
from bench import executor

if __name__ == "__main__":
    with executor.pool(2) as pool:
        assert dict(pool.map(abs, {"a": -1, "b": -2})) == {"a": 1, "b": 2}
        print("there", flush=True)
        sys.stdin.read()
"""
SUITE = """\
suite: one
title: By several processes
dataset: digits
train_images: 1440
seeds: 1
epochs: 1
base:
  model: {mlp: {hidden: [4]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 120
  engine: {parameter_server: {workers: 1}}
questions:
  q: {ask: Is it trained?, variants: {served: {}}}
"""


def listening(pid):
    """Where a process and its descendants listen for others of this machine: addresses, and the processes."""
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            if Path(f"/proc/{process.pid}/ns/net").readlink() != HERE:
                continue
            for found in process.net_connections("all"):
                if found.status == psutil.CONN_LISTEN or (
                    found.type == socket.SOCK_DGRAM and found.laddr and not found.raddr
                ):
                    yield found.laddr, process


def ports_in_the_network_of(pid):
    """Where anybody listens there, as Linux tells its processes."""
    files = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    lines = [line.split() for file in files for line in file.read_text().splitlines()[1:]]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}


@pytest.fixture
def closed(monkeypatch):
    """Nobody has said that ports may be open."""
    monkeypatch.delenv(engines.OPEN_PORTS)


@pytest.fixture
def apart(closed):
    """A system that gives trials a network of their own."""
    if why := _namespace.why_none():
        pytest.skip(why)


def test_only_dask_listens_and_it_refuses_strangers():
    """Scheduler, two workers and who looks after each; no page of theirs, and nothing on other addresses."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)  # noqa: PTH100
    options = {"text": True, "env": {**os.environ, "PYTHONPATH": paths}}
    run = subprocess.Popen(
        [sys.executable, "-c", LISTENING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    try:
        assert run.stdout.readline() == "there\n"
        found = [address for address, _ in listening(run.pid)]
        assert len(found) == 5, found
        assert {address.ip for address in found} == {"127.0.0.1"}
        stranger = subprocess.run(
            [sys.executable, "-c", STRANGER, *(str(address.port) for address in found)],
            capture_output=True,
            timeout=120,
            check=False,
            **options,
        )
        assert stranger.stdout.split() == ["True", *10 * ["False"]], stranger.stderr
    finally:
        out, said = run.communicate()
    assert (out, said, run.returncode) == ("", "", 0)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", folder=Path(), train_images=1440)


@pytest.mark.parametrize("name", ["multi_worker", "parameter_server"])
def test_servers_of_a_trial_are_reached_by_each_other_alone(name, digits, apart):
    training = replace(SEVERAL, engine={name: {"workers": 2}})
    engines.check(training, digits)
    with contextlib.closing(engines.prepare(training, digits, 0)) as engine:
        engine.start_epoch(order(digits, 0, 1))
        engine.advance(0, 3)
        assert list(listening(os.getpid())) == []
        members = list(engine.processes.values())
        ports = ports_in_the_network_of(members[0])
        assert len(ports) >= len(members) - 1  # who only asks need not listen
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)
    assert not any(map(psutil.pid_exists, members))


def test_without_a_network_of_their_own_a_trial_is_refused(digits, closed, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # no unshare there
    monkeypatch.setattr(_namespace, "why_none", functools.cache(_namespace.why_none.__wrapped__))
    monkeypatch.setattr(_cluster, "why_none", _namespace.why_none)
    with pytest.raises(TrustError, match="would listen to everybody") as caught:
        engines.check(SEVERAL, digits)
    assert caught.value.where == "engine.parameter_server"
    assert caught.value.found == "unshare: No such file or directory"
    assert "--open-ports" in caught.value.hint
    assert "read and write your files" in caught.value.hint
    with pytest.raises(TrustError):
        engines.prepare(SEVERAL, digits, 0)

    monkeypatch.setenv(engines.OPEN_PORTS, "1")
    with contextlib.closing(engines.prepare(SEVERAL, digits, 0)):
        # They are where it was said: TensorFlow has no other addresses.
        assert "::" in {address.ip for address, _ in listening(os.getpid())}


def test_workers_on_other_hosts_are_refused_likewise(digits, closed):
    hosts = {"multi_worker": {"workers": 2, "hosts": ["a.example.org"]}}
    with pytest.raises(TrustError) as caught:
        engines.check(replace(SEVERAL, engine=hosts), digits, trusted=True)
    assert caught.value.found == "processes on a.example.org"


@pytest.mark.parametrize("command", ["run", "trace"])
def test_the_option_is_the_word(command, tmp_path, closed, bench, monkeypatch):
    """Both commands refuse without it, before the first trial."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "one.yaml").write_text(SUITE)
    arguments = {
        "run": ("run", "one.yaml", "--workers", "0"),
        "trace": ("trace", "one.yaml", "q/served"),
    }[command]
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "one.yaml" in done.stderr
    assert "bench run --open-ports" in done.stderr
    assert bench(*arguments, "--open-ports", cwd=tmp_path).returncode == 0
