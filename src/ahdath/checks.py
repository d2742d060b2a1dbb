"""Checks of single values, for what is checked when it is made: each gives the value back or raises a DataError.

`where` names the value in the error, as "Event.score". What needs no conversion is let through first: a paragraph has dozens
of spans and scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NoReturn, TypeVar

from ahdath.errors import DataError, shown

__all__ = ["is_number", "mapping", "offset", "probabilities", "probability", "refuse", "require_name", "tuple_of", "typed"]

_ROUNDING = 1e-6  # a probability may leave [0, 1] by this much (single precision); it is clipped
T = TypeVar("T")


def refuse(where: str, expected: str, found: str, remedy: str = "") -> NoReturn:
    """Raise the DataError that says what was expected, what was found, and what to do."""
    raise DataError(f"{where}: expected {expected}, found {found}" + (f"; {remedy}" if remedy else ""))


def typed(value: Any, kind: type[T], where: str) -> T:
    """A value of that class."""
    if not isinstance(value, kind):
        refuse(where, kind.__name__, f"{type(value).__name__}: {shown(value)}")
    return value


def require_name(value: Any, where: str) -> None:
    """A str that is not empty."""
    if not typed(value, str, where):
        refuse(where, "a name", "an empty str")


def offset(value: Any, where: str) -> int:
    """A whole number of any integer type, as int."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        refuse(where, "a whole number", f"{type(value).__name__}: {shown(value)}")
    return int(value)


def is_number(value: object) -> bool:
    """Whether it is a real number, of any type but bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_sound(probability: object) -> bool:
    """Whether it can stay as it is, without a look at what else may be taken for a probability."""
    return type(probability) is float and 0.0 <= probability <= 1.0


def probability(value: Any, where: str) -> float:
    """A number from 0 to 1, as float."""
    if _is_sound(value):
        return float(value)
    if not is_number(value):
        refuse(where, "a number from 0 to 1", f"{type(value).__name__}: {shown(value)}")
    number = float(value)
    if not math.isfinite(number) or not -_ROUNDING <= number <= 1 + _ROUNDING:
        refuse(where, "a number from 0 to 1", shown(number))
    return min(max(number, 0.0), 1.0)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A mapping whose keys are str."""
    if not isinstance(value, Mapping):
        refuse(where, "a mapping", f"{type(value).__name__}: {shown(value)}")
    for key in value:
        if not isinstance(key, str):
            typed(key, str, f"{where}: key")
    return value


def probabilities(value: Any, where: str) -> dict[str, float] | None:
    """A mapping of names to probabilities, copied; None stays None."""
    if value is None:
        return None
    given = mapping(value, where)
    if all(map(_is_sound, given.values())):
        return dict(given)
    return {key: probability(number, f"{where}[{key!r}]") for key, number in given.items()}


def tuple_of(value: Any, kind: type[T], where: str) -> tuple[T, ...]:
    """A list or tuple with members of that class, as tuple."""
    if not isinstance(value, (list, tuple)):
        refuse(where, f"a list or tuple of {kind.__name__}", f"{type(value).__name__}: {shown(value)}")
    for number, item in enumerate(value):
        if not isinstance(item, kind):
            typed(item, kind, f"{where}[{number}]")
    return tuple(value)
