"""Results without what tells who made them and where, for double-blind review.

Host names, user names, folders, addresses and the comments of the suite go. Its names and texts are what was
tried and stay as they are, and so do processors, versions, times and the names of files.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import yaml_text
from bench.machine import machine
from bench.suite import Suite, parse_suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.store import Results

TELLS: Final = (
    "Commands, tracebacks, data and the suite stand here as they were given, with host names and folders, and"
    " with user names in these. bench report --anonymous leaves out what tells who and where."
)
TELLS_NOT: Final = (
    "Host names, user names, folders, addresses and the suite's comments are left out. Names and texts of"
    " the suite are as they were written."
)
_QUOTED: Final = re.compile(r"""(['"])(?:~|\.{1,2})?/(?:[^'"\n]*/)?([^'"/\n]+)/?\1""")
_PATH: Final = re.compile(r"(?<![\w:/.~])(?:~|\.{1,2})?/(?:[^\s/'\",:;()]+/)*([^\s/'\",:;()]+)/?")
_ADDRESS: Final = re.compile(r"\b(?:tcp|tls|ucx|wss?|inproc|ssh|file)://[^\s'\",;()]+")
_OWNER: Final = re.compile(r"/(?:home|Users)/([^\s/'\"]+)")
_NOBODY: Final = {
    "root",
    "localhost",
    "user",
}  # names that tell nothing, and stand in other sentences


def anonymous(results: Results) -> Results:
    """The same results, told by nobody from nowhere; what is computed of them is the same."""
    places = _Places(results)
    trials, timings, runs = (
        frame.copy() for frame in (results.trials, results.timings, results.runs)
    )
    told = _machines(results)
    for frame in (trials, timings):  # one without a name tells nothing
        frame["machine"] = frame.machine.map(lambda text: told.get(text, "{}"), na_action="ignore")
    trials["error"] = trials.error.map(places.left_out, na_action="ignore")
    runs["command"] = runs.command.map(places.left_out_of_command)
    runs["cluster"] = runs.cluster.map(places.left_out_of_cluster, na_action="ignore")
    return replace(
        results,
        suite=_suite(results.suite),
        trials=trials,
        timings=timings,
        runs=runs,
        data={name: places.left_out_of(about) for name, about in results.data.items()},
        folder=Path(results.folder.resolve().name),
        anonymous=True,
    )


@dataclass(frozen=True)
class _Places:
    """What tells where in these results, and texts without it."""

    results: Results

    def left_out(self, text: str) -> str:
        """A text with files by their last names alone."""
        text = _QUOTED.sub(r"\1\2\1", _ADDRESS.sub("ADDRESS", text))
        for folder in self._folders:
            text = text.replace(f"{folder}/", "").replace(folder, "FOLDER")
        text = _PATH.sub(r"\1", text)
        return self._named.sub("NAME", text) if self._named else text

    def left_out_of_command(self, command: str) -> str:
        try:
            words = shlex.split(command)
        except ValueError:  # somebody else's
            return self.left_out(command)
        return shlex.join(self.left_out(_last_of(word)) for word in words)

    def left_out_of_cluster(self, text: str) -> str:
        about = json.loads(text)
        return json.dumps({**about, "cluster": self.left_out(_last_of(str(about["cluster"])))})

    def left_out_of(self, value: Any) -> Any:
        """A JSON value."""
        if isinstance(value, str):
            return self.left_out(value)
        if isinstance(value, dict):
            return {key: self.left_out_of(item) for key, item in value.items()}
        return [self.left_out_of(item) for item in value] if isinstance(value, list) else value

    @cached_property
    def _folders(self) -> list[str]:
        """Those that are known, also where no pattern finds them; the longest first."""
        suite = self.results.suite
        files = {v for q in suite.questions for v in _files(suite.dataset_of(q)) if "/" in v}
        known = {suite.folder, self.results.folder.absolute(), Path.cwd(), Path.home()}
        folders = {str(f) for f in (*known, *(Path(file).parent for file in files))}
        return sorted(folders - {"/", "."}, key=len, reverse=True)

    @cached_property
    def _named(self) -> re.Pattern[str] | None:
        """Any name of a host or a user."""
        hosts = {host for _, host in _hosts(self.results)}
        runs = self.results.runs
        texts = [*runs.command, *runs.path, *self._folders, *self.results.trials.error.dropna()]
        users = {name for text in texts for name in _OWNER.findall(str(text))}
        names = {*hosts, machine()["host"], *users, Path.home().name}
        named = sorted(n for n in names if len(n) > 2 and n not in _NOBODY)
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, named))})\b") if named else None


def _hosts(results: Results) -> list[tuple[str, str]]:
    """What is kept of each machine, and its name; what was imported has none."""
    kept = dict.fromkeys([*results.trials.machine.dropna(), *results.timings.machine.dropna()])
    return [(text, about["host"]) for text in kept if "host" in (about := json.loads(text))]


def _machines(results: Results) -> dict[str, str]:
    """Hosts by number, so that several stay several; of the system what it is called."""
    known = _hosts(results)
    numbers = {host: n for n, host in enumerate(dict.fromkeys(host for _, host in known), start=1)}
    told = {}
    for text, host in known:
        about = json.loads(text)
        system = str(about.get("system", "")).partition("-")[0]
        told[text] = json.dumps({**about, "host": f"machine {numbers[host]}", "system": system})
    return told


def _suite(suite: Suite) -> Suite:
    """The suite with files by their last names, and its text without comments."""
    resolved = json.loads(suite.model_dump_json(by_alias=True, exclude_defaults=True))
    ran = Suite.model_validate_json(
        json.dumps(_without_folders(resolved)), strict=False, context={"imported": True}
    )
    if not suite.text:
        return ran
    values, _ = yaml_text.read(suite.text, None)
    text = yaml_text.written(_without_folders(values))
    return parse_suite(text, path=Path("suite.yaml")).as_ran(ran)


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: {k: v if k == "label" else _last(v) for k, v in item.items()}
            if key == "dataset" and isinstance(item, dict)
            else _without_folders(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_folders(item) for item in value]
    return _PATH.sub(r"\1", value) if isinstance(value, str) else value


def _files(spec: Any) -> Iterator[str]:
    """Values of a data set's arguments that may be files."""
    if isinstance(spec, dict):
        yield from (v for k, v in spec.items() if k != "label" and isinstance(v, str))


def _last_of(word: str) -> str:
    """A word of a command, such as ``--out=a/b``, with a file by its last name."""
    option, sign, value = word.rpartition("=")
    return word if "://" in word else f"{option}{sign}{_last(value)}"


def _last(value: Any) -> Any:
    return value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else value
