"""How late the updates of several workers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import altair as alt

from bench.report.figures import drawing, spoken

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows


LATEST: Final = 10  # updates late; more are drawn there too


def staleness(question: QuestionAnalysis) -> Panel:
    """Shares of the updates by how many others came between reading and writing; a line per variant."""
    names = [v.name for v in question.variants]
    rows: Rows = []
    for team in question.teams:
        updates = sum(team.staleness.values())
        for late in range(LATEST + 1) if updates else ():
            last = late == LATEST
            count = sum(n for k, n in team.staleness.items() if k == late or (last and k > late))
            rows.append({"variant": team.variant, "late": late, "share": 100 * count / updates})
    axis = alt.Axis(values=list(range(LATEST + 1)), format="d", grid=False)
    chart = alt.Chart(drawing.data(rows)).encode(
        x=alt.X("late:Q").title("updates late").axis(axis),
        y=alt.Y("share:Q").title("share of the updates (%)"),
        color=drawing.colours(names),
        tooltip=drawing.tooltip("variant", late="updates late", share="share (%)"),
    )
    lines = chart.mark_line(strokeWidth=2).encode(strokeDash=drawing.dashes(names))
    means = {
        team.variant: sum(k * n for k, n in team.staleness.items()) / sum(team.staleness.values())
        for team in question.teams
        if sum(team.staleness.values())
    }
    alt_text = (
        "Share of the updates by how many others came between reading and writing: on average"
        f" {spoken.each(means, 'updates late')}."
    )
    layers = [lines, chart.mark_circle(size=50)]
    return drawing.panel((question.name, "staleness"), "Updates late", layers, 240, alt_text)
