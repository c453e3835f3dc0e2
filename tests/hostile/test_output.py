"""Output that cannot be written: one sentence and an exit code, from every command, and never a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
import typer

from bench.cli import app

COMMANDS = sorted(typer.main.get_command(app).commands)
BENCH = [sys.executable, "-c", "from bench.cli import main; main()"]
# Empty: as if it were not set, which it may be where the tests run.
ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": ""}


@pytest.fixture
def shell(repository, tmp_path):
    """Run a command with a redirection, in an empty folder; standard error and the exit code."""

    def call(redirected, *arguments, **environment):
        return subprocess.run(
            ["bash", "-c", f"{shlex.join([*BENCH, *map(str, arguments)])} {redirected}"],
            capture_output=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(repository), **environment},
        )

    return call


def is_refused(done, why):
    said = done.stderr.decode()
    assert said == f"standard output cannot be written: {why}\n"
    assert done.returncode == 2


def arguments_of(command, tiny, results, tmp_path):
    """Of each command that is done within seconds, what makes it print."""
    log = tmp_path / "log.csv"
    log.write_text("v,s,m\n" + "".join(f"{v},{s},{s}\n" for v in "ab" for s in range(3)))
    asked = ("--variant", "v", "--seed", "s", "--metric", "m:max")
    return {
        "list": (),
        "show": (tiny,),
        "status": (results,),
        "plan": (results, "--detect", "0.01"),
        "compare": (results, results),
        "report": (results, "-o", tmp_path / "report.html"),
        "export": (results, "--to", tmp_path / "export"),
        "import": ("csv", log, *asked, "--out", tmp_path / "imported"),
        "verify": (results, "--trials", "0"),
        "run": (tiny, "--out", results),  # which is complete
    }.get(command, ("--help",))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(shell, command, tiny, tiny_results, tmp_path):
    given = arguments_of(command, tiny, tiny_results, tmp_path)
    is_refused(shell(">/dev/full", command, *given), "No space left on device")


@pytest.mark.parametrize("command", [*COMMANDS, "--version"])
def test_standard_output_is_closed(shell, command):
    is_refused(shell(">&-", command, "--help"), "it is closed")


@pytest.mark.parametrize("command", [*COMMANDS, "--version"])
def test_a_reader_who_has_seen_enough(shell, command):
    done = shell("| true; exit ${PIPESTATUS[0]}", command, "--help")
    assert (done.stderr, done.returncode) == (b"", 141)


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", ">&- 2>&-", "<&- 2>&-"])
def test_an_error_that_cannot_be_said_has_its_exit_code(shell, redirected):
    done = shell(redirected, "show", "no_such_suite")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 2)


def test_a_command_without_standard_error_does_its_work(shell):
    done = shell("2>&- <&-", "list")
    assert b"ep3260_ca7" in done.stdout
    assert done.returncode == 0


def test_a_file_of_a_run_never_is_its_standard_output(shell, tiny, tmp_path):
    """Where it is closed, the first file that is opened would be given its number."""
    done = shell(">&- 2>&- <&-", "run", tiny, "--out", tmp_path / "results")
    assert done.returncode == 2
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("environment", [ASCII, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_that_knows_ascii_only(shell, tiny, tmp_path, environment):
    text = tiny.read_text(encoding="utf-8")
    title = "title: Zwei Raten für 漢\n"
    tiny.write_text(text.replace("title: Two rates on handwritten digits\n", title), "utf-8")
    done = shell("", "show", tiny, **environment)
    assert rb"Zwei Raten f\xfcr \u6f22" in done.stdout
    assert (done.stderr, done.returncode) == (b"", 0)
    refused = shell("", "show", "für", **environment)
    assert refused.stderr.isascii()
    assert refused.returncode == 2


def test_a_file_whose_name_is_not_text_is_refused(shell):
    done = shell("", "report", os.fsdecode(b"a\xff"))
    assert rb"an argument that is not text" in done.stderr
    assert rb"a\udcff" in done.stderr
    assert (done.stdout, done.returncode) == (b"", 2)
