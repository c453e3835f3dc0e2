"""``bench report``: the report of a run or of several, once or while they go on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from bench.cli_common import (
    Anonymous,
    Templates,
    TrustSections,
    analysed,
    own_of,
    run_of,
    say,
    warn_of_troubles,
)
from bench.errors import UsageError, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.analysis import Analysis
    from bench.report.index import Entry
    from bench.report.own import Own

Format = Literal["html", "markdown"]

_LOOK: Final = 1.0  # s between two looks at a file
_SHARE: Final = 3.0  # times as long as the writing took, the run has the machine to itself


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER|SUITE...", help="Results folders, or suites that were run."),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Default: FOLDER/report.html; of several: index.html."),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="One file, or Markdown for pull requests.")
    ] = "html",
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Of Markdown: with files beside it.")
    ] = True,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write it again while a run goes on.")
    ] = False,
    anonymous: Anonymous = False,
    pictures: Annotated[
        bool,
        typer.Option("--pictures", help="Read files that the suite names, to show test images."),
    ] = False,
    templates: Templates = None,
    trust: TrustSections = False,
) -> None:
    """Write the report of a results folder; of several, one each, and an index that answers first."""
    folders = [_folder(run) for run in runs]
    if format_ == "markdown" and (watch or len(folders) > 1):
        raise UsageError(
            "a Markdown report is of one run, and written once",
            where="bench report --format markdown",
            expected="one folder and no --watch; or --format html",
            found="--watch" if watch else f"{len(folders)} folders",
        )
    own = own_of(templates, trust=trust)
    if format_ == "markdown":
        code = _write_markdown(
            folders[0], output, own, figures=figures, pictures=pictures, anonymous=anonymous
        )
    else:
        pages = _Pages(folders, output, own, watching=watch, pictures=pictures, anonymous=anonymous)
        if watch:
            _watch(pages)
        else:
            pages.write(folders)
        code = max(pages.codes.values(), default=0)
    if code:
        raise typer.Exit(code)


@dataclass
class _Pages:
    """The reports of these folders, and their index if there are several."""

    folders: list[Path]
    output: Path | None
    own: Own
    watching: bool
    pictures: bool
    anonymous: bool
    complete: dict[Path, bool] = field(default_factory=dict)
    entries: dict[Path, Entry] = field(default_factory=dict)
    codes: dict[Path, int] = field(default_factory=dict)
    written: set[Path] = field(default_factory=set)

    @property
    def index(self) -> Path | None:
        return (self.output or Path("index.html")) if len(self.folders) > 1 else None

    def path(self, folder: Path) -> Path:
        single = self.output if self.index is None else None
        return single or folder / "report.html"

    def write(self, folders: list[Path]) -> None:
        """Write the reports of some folders, and the index."""
        from bench.report import write_report
        from bench.report.index import entry, write_index

        for folder in folders:
            analysis = _analysis(folder, pictures=self.pictures, anonymous=self.anonymous)
            say(f"results  {folder}")
            path = write_report(analysis, self.path(folder), own=self.own, watching=self.watching)
            self.written.add(path)
            say(f"report   {path}")
            self.codes[folder] = warn_of_troubles(analysis)
            how = analysis.conditions
            self.complete[folder] = how.trials >= how.trials_planned
            if self.index:
                self.entries[folder] = entry(analysis, path, self.index)
        if self.index:
            entries = [self.entries[folder] for folder in self.folders]
            write_index(entries, self.index, own=self.own, watching=self.watching)
            self.written.add(self.index)
            say(f"index    {self.index}")


def _watch(pages: _Pages) -> None:
    """Write again and again, until all runs are complete, or Ctrl-C."""
    from bench.report.render import stop_watching

    try:
        _wait_until_begun(pages.folders)
        for folders in _changed(pages.folders):
            pages.write(folders)
            if all(pages.complete.values()):
                why = "complete: every planned trial has a result"
                break
            say("watching for more results; Ctrl-C ends it")
    except KeyboardInterrupt:
        why = "stopped watching; the report stays as it is"
    for path in pages.written:
        stop_watching(path)
    say(why)


def _wait_until_begun(folders: list[Path]) -> None:
    """Wait until the plan of each run is written; where there is no results file, whoever reads it says so."""
    from bench.store import has_begun

    while any(_stamp(folder) and not has_begun(folder) for folder in folders):
        time.sleep(_LOOK)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """What is another one when the results have changed; None where there are none."""
    from bench.results_file import FILE

    try:
        about = (folder / FILE).stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _changed(folders: list[Path]) -> Iterator[list[Path]]:
    """Yield all folders, then those whose results have changed since they were yielded; never ends.

    Whoever is given them writes reports meanwhile. After that there is a pause: these take time from the run.
    """
    seen: dict[Path, tuple[int, int] | None] = {}
    while True:
        now = {folder: _stamp(folder) for folder in folders}
        some = [folder for folder in folders if folder not in seen or now[folder] != seen[folder]]
        pause = _LOOK
        if some:
            begun = time.monotonic()
            yield some
            seen |= {folder: now[folder] for folder in some}
            pause = max(_LOOK, _SHARE * (time.monotonic() - begun))
        time.sleep(pause)


def _write_markdown(
    folder: Path,
    output: Path | None,
    own: Own,
    *,
    figures: bool,
    pictures: bool,
    anonymous: bool,
) -> int:
    from bench.report.as_markdown import write_markdown

    analysis = _analysis(folder, pictures=pictures, anonymous=anonymous)
    say(f"results  {folder}")
    path = write_markdown(analysis, output or folder / "report.md", own=own, figures=figures)
    say(f"report   {path}")
    return warn_of_troubles(analysis)


def _analysis(folder: Path, *, pictures: bool, anonymous: bool) -> Analysis:
    from bench.analysis.anonymous import anonymous as without_who_and_where
    from bench.pictures import left_out
    from bench.store import load_results

    results = load_results(folder)
    analysis = analysed(without_who_and_where(results) if anonymous else results, pictures=pictures)
    if not pictures and (questions := left_out(analysis)):
        say(
            f"pictures left out of {listed(questions)}: their data is a file that the suite names;"
            " --pictures reads it"
        )
    return analysis


def _folder(run: str) -> Path:
    """A folder as it is given; a suite's last one."""
    from bench import resources

    path = Path(run)
    shipped = resources.folder("suites") / f"{run}.yaml"
    if not path.is_dir() and (path.suffix in (".yaml", ".yml") or shipped.is_file()):
        return run_of(run, need="to report on")
    return path
