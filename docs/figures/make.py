"""The figures of docs/convergence.md, from the package's own fits: `python docs/figures/make.py`."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np

from bench import stats

HERE = Path(__file__).parent
K = np.arange(51)
CURVES = {  # what each seed's noise multiplies
    "geometric": 0.05 + 2 * 0.85**K,
    "power": 0.05 + 2 * (K + 1.0) ** -1.2,
    "hyperbolic": 0.05 + 2 / (1 + 0.3 * K),
    "stretched": 0.05 + 2 * np.exp(-((0.2 * K) ** 0.6)),
}
SEEDS = 8


def seeds_of(curve: np.ndarray, noise: float = 0.02) -> list[np.ndarray]:
    """The curve with multiplicative noise, SEEDS times."""
    rng = np.random.default_rng(4)
    return [curve * np.exp(noise * rng.normal(size=curve.size)) for _ in range(SEEDS)]


def families() -> alt.LayerChart:
    """One seed of each family with the fit that the seeds bear out."""
    dots, lines = [], []
    for name, curve in CURVES.items():
        seeds = seeds_of(curve)
        found = stats.fit_rates_over_seeds([(K, values) for values in seeds])
        law = f"{name}: {found.family}"
        dots += [
            {"curve": law, "epoch": int(k), "value": float(v)}
            for k, v in zip(K, seeds[0], strict=True)
        ]
        predicted = found.fits[0].predict(K)
        if predicted is not None:
            lines += [
                {"curve": law, "epoch": int(k), "value": float(v)}
                for k, v in zip(K, predicted, strict=True)
            ]
    y = alt.Y("value:Q").scale(type="log").title("objective, log scale")
    x, colour = alt.X("epoch:Q"), alt.Color("curve:N").title("true family: verdict")
    points = alt.Chart(alt.InlineData(dots)).mark_circle(size=22).encode(x=x, y=y, color=colour)
    drawn = alt.Chart(alt.InlineData(lines)).mark_line().encode(x=x, y=y, color=colour)
    return (points + drawn).properties(width=460, height=260)


def floors() -> alt.LayerChart:
    """Why min(loss) is no floor: the same geometric curve above three floors."""
    curve = 0.3 + 2 * 0.93**K
    values = seeds_of(curve, noise=0.002)[0]
    fitted = stats.fit_rate(K, values)
    assumed = {
        "known, 0.3": 0.3,
        f"fitted, {fitted.floor:.3f}": fitted.floor,
        "min(loss), wrong": values.min(),
        "0, wrong": 0.0,
    }
    rows = [
        {"floor": name, "epoch": int(k), "value": float(v - floor)}
        for name, floor in assumed.items()
        for k, v in zip(K, values, strict=True)
        if v - floor > 1e-6
    ]
    return (
        alt.Chart(alt.InlineData(rows))
        .mark_line(point=True)
        .encode(
            x="epoch:Q",
            y=alt.Y("value:Q").scale(type="log").title("objective − floor, log scale"),
            color=alt.Color("floor:N").sort(list(assumed)),
        )
        .properties(width=460, height=260)
    )


if __name__ == "__main__":
    families().save(HERE / "families.svg")
    floors().save(HERE / "floors.svg")
