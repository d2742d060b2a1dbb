"""Learning curves from JSON: a score against how much was annotated, for one or several ways to choose it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from ahdath.errors import DataError, shown

__all__ = ["LearningCurves", "read_curves"]

_LAYOUT = '{"x": "paragraphs", "y": "TC F1", "curves": {"random": [[100, 0.41], [200, 0.52]]}}'


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """Points (x, y) of each curve by its name: x an amount from 0 up, y a score in [0, 1].

    Several points of one x are runs of several seeds. `x` and `y` name the axes. Raises DataError for other values.

    >>> LearningCurves("paragraphs", "TC F1", {"random": [(100, 0.4), (100, 0.6)]}).spread("random")
    [(100, 0.5, 0.4, 0.6)]
    """

    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]

    def __post_init__(self) -> None:
        for name, points in self.curves.items():
            for point in points:
                if not isinstance(point, (list, tuple)) or len(point) != 2 or not all(map(_is_number, point)):
                    raise DataError(f"curve {name!r}: expected points [x, y] of two numbers, found {shown(point)}")
                if point[0] < 0 or not 0 <= point[1] <= 1:
                    raise DataError(f"curve {name!r}: expected x from 0 up and y from 0 to 1, found {shown(point)}")

    def spread(self, name: str) -> list[tuple[float, float, float, float]]:
        """(x, median, lowest, highest) of a curve, by x."""
        values: dict[float, list[float]] = {}
        for x, y in self.curves[name]:
            values.setdefault(x, []).append(y)
        return [(x, median(ys), min(ys), max(ys)) for x, ys in sorted(values.items())]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def read_curves(path: str | Path) -> LearningCurves:
    """The learning curves of a JSON file.

    `{"x": "paragraphs", "y": "TC F1", "curves": {"random": [[100, 0.41], [200, 0.52]]}}`; a curve may have several points
    of one x. Raises DataError for a file that is not laid out so.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # damaged JSON or UTF-8
        raise DataError(f"{path}: expected JSON like {_LAYOUT}, found a file that cannot be read: {error}") from error
    if (
        not isinstance(found, dict)
        or set(found) != {"x", "y", "curves"}
        or not all(isinstance(found[name], str) for name in ("x", "y"))
        or not isinstance(found["curves"], dict)
        or not all(isinstance(points, list) and points for points in found["curves"].values())
    ):
        raise DataError(f"{path}: expected an object like {_LAYOUT}, found {shown(found)}")
    try:
        return LearningCurves(**found)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
