"""Charts as Vega-Lite specifications, drawn with Altair: a file per family, a function per chart.

Charts are as wide as their place on the page. Shares are scaled to percent here, once.
"""

from bench.report.figures.confusions import confusions
from bench.report.figures.curves import Curves, convergence
from bench.report.figures.drawing import keys
from bench.report.figures.factors import interactions
from bench.report.figures.finals import are_quantiles, epochs_alone, forest, seeds, speed_ratios
from bench.report.figures.landscape import landscape
from bench.report.figures.rates import rates
from bench.report.figures.sensitivity import places, sensitivity
from bench.report.figures.sizes import magnitudes, outside_of_pareto, pareto
from bench.report.figures.target import clocks_to_target, reached
from bench.report.figures.workers import LATEST, staleness

__all__ = [
    "LATEST",
    "Curves",
    "are_quantiles",
    "clocks_to_target",
    "confusions",
    "convergence",
    "epochs_alone",
    "forest",
    "interactions",
    "keys",
    "landscape",
    "magnitudes",
    "outside_of_pareto",
    "pareto",
    "places",
    "rates",
    "reached",
    "seeds",
    "sensitivity",
    "speed_ratios",
    "staleness",
]
