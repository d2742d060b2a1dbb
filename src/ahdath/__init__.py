"""ahdath (أحداث, "events") reads Arabic news and says what happened.

>>> from ahdath import classify                                                    # doctest: +SKIP
>>> for event in classify("قصفت القوات السورية مدينة تلبيسة أمس.").events:          # doctest: +SKIP
...     print(event.type, event.trigger.text, [(a.role, a.span.text) for a in event.arguments])
Conflict.Attack قصفت [('Agent', 'القوات السورية'), ('Target', 'مدينة تلبيسة'), ('Time', 'أمس')]

Names are loaded when they are first used; importing the package loads neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import AhdathError, AlignmentError, ConfigError, DataError, ModelError, OntologyError
    from .inference import EventExtractor, classify, classify_many
    from .ontology import Ontology
    from .schema import Argument, Document, Event, Sentence, Span

__version__ = "0.1.0"

_HOMES = {
    "AhdathError": "errors",
    "AlignmentError": "errors",
    "Argument": "schema",
    "ConfigError": "errors",
    "DataError": "errors",
    "Document": "schema",
    "Event": "schema",
    "EventExtractor": "inference",
    "ModelError": "errors",
    "Ontology": "ontology",
    "OntologyError": "errors",
    "Sentence": "schema",
    "Span": "schema",
    "classify": "inference",
    "classify_many": "inference",
}

__all__ = [
    "AhdathError",
    "AlignmentError",
    "Argument",
    "ConfigError",
    "DataError",
    "Document",
    "Event",
    "EventExtractor",
    "ModelError",
    "Ontology",
    "OntologyError",
    "Sentence",
    "Span",
    "__version__",
    "classify",
    "classify_many",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'ahdath' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
