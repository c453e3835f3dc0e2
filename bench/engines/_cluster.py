"""Processes of this machine, or of others, that train one network together: started, asked, and always ended.

Each is a ``bench.engines._replica`` that ends when its standard input does, so none outlives this process. None
listens before it has chosen a free port itself, in a network of their own where there can be one: TensorFlow's
servers listen on all addresses. What they print is kept, and told when something fails.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import subprocess
import sys
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from bench import scratch
from bench.backend import ENVIRONMENT, SAFE_PATH
from bench.engines import _messages
from bench.engines._namespace import Namespace, NoNamespaceError, why_none
from bench.errors import BenchError, TrustError, first_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import IO

    from bench.engines._messages import Message

HOME: Final = "127.0.0.1"
# An environment's word that servers may listen to everybody.
OPEN_PORTS: Final = "SEEDWISE_OPEN_PORTS"
LOG: Final = 3000  # last characters of the processes' logs that an error tells, all together
PATIENCE_S: Final = 5.0  # between asking a process to end and ending it
GRACE_S: Final = 0.5  # after a failure, until the end of what caused it must have been seen


@dataclass(frozen=True)
class Member:
    """One process of a cluster.

    Attributes:
        job, index: what TensorFlow calls it.
        role: what it does there, a key of ``_replica.ROLES``.
        vital: whether nothing goes on without it.
        host: where it runs: this machine, or one that ``ssh`` reaches without asking, with the same Python.
    """

    job: str
    index: int
    role: str
    vital: bool = True
    host: str = HOME

    @property
    def name(self) -> str:
        """What errors call it, such as ``worker 3``."""
        return f"{self.job} {self.index}" if self.job == "worker" else _NAMES[self.job]


_NAMES: Final = {"ps": "the parameter server", "chief": "the chief"}


def refuse_open_ports(engine: str, hosts: Iterable[str]) -> None:
    """Refuse to start servers that others reach, unless the user wants them.

    Args:
        engine: whose they are.
        hosts: where they run.

    Raises:
        TrustError: there is no network that only they are in, and the user did not say that ports may be open.
    """
    away = [host for host in hosts if host != HOME]
    why = f"processes on {', '.join(away)}" if away else why_none()
    if why is None or os.environ.get(OPEN_PORTS):
        return
    raise TrustError(
        "the processes of a trial would listen to everybody",
        where=f"engine.{engine}",
        expected="a network namespace of Linux that only they are in, or your word that ports may be open",
        found=why,
        hint="bench run --open-ports. It means: while a trial lasts, TensorFlow's servers listen on all"
        " addresses of the machine and ask for no password; whoever reaches them can read and write your files",
    )


class Cluster:
    """The processes, by their places in ``members``.

    Args:
        members: who is to be started.
        deadline_s: after so long nothing is waited for any more.

    Attributes:
        lost: names of the members that ended by themselves, and could be done without.
    """

    def __init__(self, members: Sequence[Member], *, deadline_s: float) -> None:
        self.members = tuple(members)
        self.lost: list[str] = []
        self._deadline_s = deadline_s
        self._until = time.monotonic() + deadline_s
        self._inbox: queue.Queue[tuple[int, Message | None]] = queue.Queue()
        self._gone: set[int] = set()
        self._logs: list[IO[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._namespace = _apart(self.members)
        folder = scratch.Folder()
        self._end = weakref.finalize(
            self, _end, self._processes, self._logs, folder, self._namespace
        )
        for place in range(len(self.members)):
            self._start(place, folder.path)

    @property
    def processes(self) -> list[int]:
        """Process numbers, in the order of ``members``."""
        return [process.pid for process in self._processes]

    def form(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Tell each member the addresses of all and its own task, and wait until all are ready."""
        ports = self._answers(range(len(self.members)))
        cluster: dict[str, list[str]] = {}
        for place, member in enumerate(self.members):
            cluster.setdefault(member.job, []).append(f"{member.host}:{ports[place]['port']}")
        for place, (member, task) in enumerate(zip(self.members, tasks, strict=True)):
            about = {"job": member.job, "index": member.index, "role": member.role}
            self._tell(place, {**task, **about, "cluster": cluster})
        self._answers(range(len(self.members)))

    def ask(self, commands: Mapping[int, Mapping[str, Any]]) -> dict[int, Message]:
        """Send each its command, and wait for the answers of all who are not lost meanwhile.

        Raises:
            BenchError: one that is needed has ended or failed, or the deadline has passed; all are ended.
        """
        for place, command in commands.items():
            self._tell(place, command)
        return self._answers(commands)

    def close(self) -> None:
        """End all processes; they have nothing to save."""
        self._end()

    def _start(self, place: int, folder: Path) -> None:
        log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed by _end
        self._logs.append(log)
        member = self.members[place]
        command = _command(member.host)
        try:
            process = subprocess.Popen(  # noqa: S603 - this Python, by itself or on a trusted host
                self._namespace.inside(command) if self._namespace else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the business of this process
                env=_without_proxies(os.environ) | _environment() | {"TMPDIR": str(folder)},
            )
        except OSError as error:
            raise self._failed(
                f"{member.name} cannot be started",
                expected="a process of this Python" if member.host == HOME else "ssh",
                found=first_line(error),
            ) from None
        self._processes.append(process)
        inbox = self._inbox  # the thread must not keep the cluster alive
        answers = cast("BinaryIO", process.stdout)
        _messages.listen(answers, lambda message: inbox.put((place, message)))

    def _tell(self, place: int, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended, as its output will say
            _messages.write(cast("BinaryIO", self._processes[place].stdin), message)

    def _answers(self, asked: Iterable[int]) -> dict[int, Message]:
        answers: dict[int, Message] = {}
        waiting = set(asked) - self._gone
        while waiting:
            try:
                left = self._until - time.monotonic()
                place, message = self._inbox.get(timeout=max(left, 0.0))
            except queue.Empty:
                raise self._failed(
                    f"{self._names(waiting)} did not answer in time",
                    expected=f"the whole trial within {self._deadline_s:g} s",
                    found="nothing until then",
                    hint="give the engine a longer deadline_s, if it was not stuck",
                ) from None
            if message is None:
                self._ended(place)
            elif "error" in message:
                self._look_for_the_ended()
                raise self._failed(
                    f"{self.members[place].name} failed",
                    expected="updates",
                    found=message["error"].strip(),
                )
            else:
                answers[place] = message
            waiting -= {place}
        return answers

    def _look_for_the_ended(self) -> None:
        """Who fails may do so because another has ended, which is then what there is to tell."""
        time.sleep(GRACE_S)
        for place, process in enumerate(self._processes):
            if place not in self._gone and process.poll() is not None:
                self._ended(place)

    def _ended(self, place: int) -> None:
        self._gone.add(place)
        member = self.members[place]
        code = self._processes[place].wait()
        left = [
            m for p, m in enumerate(self.members) if p not in self._gone and m.job == member.job
        ]
        if member.vital or not left:
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            raise self._failed(
                f"{member.name} has ended",
                expected="that it lives as long as the trial",
                found=f"its process ended {how}",
            )
        self.lost.append(member.name)

    def _failed(self, problem: str, *, expected: str, found: str, hint: str = "") -> BenchError:
        """The error, with what the processes printed; ends them all."""
        logs = {}
        for member, log in zip(self.members, self._logs, strict=False):  # not all may have started
            log.seek(0)
            logs[member.name] = log.read().decode(errors="replace")
        self.close()
        return BenchError(
            problem,
            where="processes of the engine",
            expected=expected,
            found=found,
            hint="\n".join(filter(None, [hint, *_last_words(logs)])),
        )

    def _names(self, places: Iterable[int]) -> str:
        return ", ".join(self.members[place].name for place in sorted(places))


def _last_words(logs: Mapping[str, str]) -> list[str]:
    """The end of each process's log: an equal share, so that an error has room for all of them."""
    share = LOG // max(len(logs), 1)
    ends = {name: printable(log).strip()[-share:] for name, log in logs.items()}
    return [f"--- log of {name}\n{end or '(empty)'}" for name, end in ends.items()]


def _apart(members: Iterable[Member]) -> Namespace | None:
    """A network of their own; None where there can be none, which the user has allowed."""
    if why_none() is not None or any(member.host != HOME for member in members):
        return None
    try:
        return Namespace()
    except NoNamespaceError as error:
        raise BenchError(
            "a trial was not given a network of its own",
            where="processes of the engine",
            expected="a network namespace, as there could be before",
            found=str(error),
            hint="look whether too many are in use: /proc/sys/user/max_net_namespaces",
        ) from None


def _command(host: str) -> list[str]:
    python = [sys.executable, "-m", "bench.engines._replica"]
    if host == HOME:
        return python
    there = ["env", *(f"{name}={value}" for name, value in _environment().items()), *python]
    return ["ssh", "-o", "BatchMode=yes", "--", host, shlex.join(there)]


def _environment() -> dict[str, str]:
    """What a process must find: one thread, this package, no other code, and a log worth reading."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    return {
        **ENVIRONMENT,
        **SAFE_PATH,
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Else the processes would ask a proxy of the web for each other."""
    return {k: v for k, v in environment.items() if not k.lower().endswith("_proxy")}


def _end(
    processes: list[subprocess.Popen[bytes]],
    logs: list[IO[bytes]],
    folder: scratch.Folder,
    namespace: Namespace | None,
) -> None:
    for process in processes:
        with contextlib.suppress(OSError):  # unsent words for a process that has ended
            if process.stdin is not None:
                process.stdin.close()
    until = time.monotonic() + PATIENCE_S
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for log in logs:
        log.close()
    if namespace is not None:
        namespace.close()
    folder.remove()
