"""What ahdath raises. Every error of the library is one of these, so one `except AhdathError` is enough.

    AhdathError
    ├── OntologyError    an ontology file that cannot be used, or a name that the ontology does not have
    ├── DataError        a value, document, row or file that is not what it should be
    ├── AlignmentError   a span that does not fall on the words or pieces of its text
    ├── ModelError       a model that cannot be loaded, or does not fit what it is asked
    └── ConfigError      a configuration with an unknown key, a wrong value or a contradiction

A message says what was expected, what was found and what to do. `shown`, `listed` and `did_you_mean` are
small helpers that word such messages alike in every module. This module knows nothing of the others.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AhdathError",
    "AlignmentError",
    "ConfigError",
    "DataError",
    "ModelError",
    "OntologyError",
    "did_you_mean",
    "listed",
    "shown",
]


class AhdathError(Exception):
    """The root of the tree: catches whatever ahdath raises on purpose."""


class OntologyError(AhdathError):
    """An ontology file that cannot be used, or a type, role or attribute that the ontology does not have."""


class DataError(AhdathError):
    """A value, document, row or file that is not what it should be."""


class AlignmentError(AhdathError):
    """A span that does not fall on the words or pieces of its text."""


class ModelError(AhdathError):
    """A model that cannot be loaded, or does not fit what it is asked to do."""


class ConfigError(AhdathError):
    """A configuration with an unknown key, a wrong value or a contradiction."""


def shown(value: object, limit: int = 80) -> str:
    """`value` as an error message shows it: its repr, cut to `limit` characters.

    >>> shown("قصف")
    "'قصف'"
    """
    text = "nothing (None)" if value is None else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def listed(problems: Iterable[str], limit: int = 20) -> str:
    """Up to `limit` problems, one a line, and how many more there are."""
    all_of_them = list(problems)
    lines = all_of_them[:limit]
    if len(all_of_them) > limit:
        lines.append(f"… and {len(all_of_them) - limit} more")
    return "\n".join(lines)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint to the nearest known name, with a space before it; empty when none is near.

    >>> did_you_mean("Wepon", ["Weapon", "Agent"])
    " (did you mean 'Weapon'?)"
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""
