"""Frames as files for other tools: one file per frame."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd


def write_frames(
    frames: Mapping[str, pd.DataFrame], folder: Path, kind: Literal["parquet", "csv", "json"]
) -> list[Path]:
    """Write each frame to ``folder/NAME.KIND`` and return the paths.

    CSV has a header and no index; JSON is a list of records, in which ``null`` stands for what is
    missing or not finite. Numbers keep all their digits.

    Raises:
        UsageError: the folder cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            path = folder / f"{name}.{kind}"
            if kind == "parquet":
                frame.to_parquet(path, index=False)
            elif kind == "csv":
                frame.to_csv(path, index=False)
            else:
                path.write_text(_json(frame), encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise UsageError(
            "the frames cannot be written",
            where=str(folder),
            expected="a folder that can be written",
            found=error.strerror or str(error),
        ) from None
    return paths


def _json(frame: pd.DataFrame) -> str:
    # Not frame.to_json, which cuts numbers off after 15 digits.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    finite = [{k: None if v in (math.inf, -math.inf) else v for k, v in r.items()} for r in rows]
    return json.dumps(finite, indent=1, ensure_ascii=False, allow_nan=False)
