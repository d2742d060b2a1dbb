"""What a foreign format cannot hold: counted while converting, told once.

A converter makes one `Losses`, counts in it whatever it has to leave out or change, and calls `warn` at its end.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable

from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["HOLDABLE", "FormatWarning", "Losses"]

HOLDABLE = ("ids", "sentences", "attributes", "scores", "types", "model", "ontology", "meta")
"""The parts of a Document that some formats have no place for."""


class FormatWarning(UserWarning):
    """Something of the documents has no place in the format they are converted to or from."""


class Losses:
    """Counts by kind; `warn` tells them in one FormatWarning.

    >>> losses = Losses("CoNLL")
    >>> losses.add("arguments outside the sentence of their trigger")
    >>> str(losses)
    'CoNLL: not kept: 1 arguments outside the sentence of their trigger'
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()

    def add(self, what: str, number: int = 1) -> None:
        """Counts `number` more of `what`, a plural."""
        if number:
            self.counts[what] += number

    def document_parts(self, documents: Iterable[Document], holds: Collection[str]) -> None:
        """Counts all of HOLDABLE that is in `documents` and not in `holds`."""
        missing = [part for part in HOLDABLE if part not in holds]
        for document in documents:
            for part in missing:
                self.add(_WORDS[part], _size(document, part))

    def __str__(self) -> str:
        return f"{self.name}: not kept: " + ", ".join(f"{number} {what}" for what, number in self.counts.items())

    def warn(self, *, frames: int = 1) -> None:
        """One FormatWarning with all counts; nothing if all of them are zero.

        It points at the caller of the function that is `frames` above this call.
        """
        if self.counts:
            warnings.warn(str(self), FormatWarning, stacklevel=frames + 2)


_WORDS = {
    "ids": "document ids",
    "sentences": "sentences",
    "attributes": "modalities or polarities that are not the default",
    "scores": "scores",
    "types": "paragraph-level type probabilities",
    "model": "names of models",
    "ontology": "digests of ontologies",
    "meta": "meta values",
}


def _size(document: Document, part: str) -> int:
    """How much of `part` is in the document beyond what every annotated document has by default."""
    if part == "attributes":
        return sum(
            getattr(event, name) != default
            for event in document.events
            for name, default in (event.ontology or Ontology.default()).defaults.items()
        )
    if part == "scores":
        events = [event.score for event in document.events]
        arguments = [argument.score for event in document.events for argument in event.arguments]
        return sum(score < 1 for score in events + arguments) + sum(s.scores is not None for s in document.sentences)
    if part == "meta":
        return sum(value is not None for value in document.meta.values())
    values = {"ids": document.id, "sentences": document.sentences, "types": document.types, "model": document.model}
    value = values.get(part, document.ontology)
    return len(value) if isinstance(value, tuple) else int(bool(value))
