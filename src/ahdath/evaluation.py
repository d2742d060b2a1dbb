"""A held-out set -> an extractor's answers -> scores -> a report, as JSON and Markdown.

An extractor is scored twice: from the raw text, and for arguments and attributes alone with the gold triggers
given. This module knows nothing of models; anything with the two methods of `Extractor` will do, and
`score_files` takes the answers of any system from a file. Tables are in percent, reports in [0, 1].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol

from ahdath.corpus import read_jsonl
from ahdath.counting import align, by_trigger
from ahdath.errors import DataError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Document
from ahdath.scores import Scores
from ahdath.tables import report_markdown

__all__ = [
    "Extractor",
    "Predictions",
    "Report",
    "evaluate",
    "predict",
    "report",
    "score_files",
]


class Extractor(Protocol):
    """What `evaluate` asks of a system: `EventExtractor` and `LexiconCoder` have it."""

    def classify_many(self, texts: Iterable[str], /) -> Iterator[Document]:
        """One Document a text, in order."""

    def with_gold_triggers(self, documents: Sequence[Document], /) -> list[Document]:
        """The documents with their triggers and types kept, arguments and attributes predicted anew."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a system answers for a list of documents: from the text, and with gold triggers given."""

    from_text: list[Document]
    gold_triggers: list[Document]


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of one system on one set of documents.

    `gold_triggers` are the scores with gold triggers given, None for a system without arguments. `ontology`
    is the digest of the ontology that scored.
    """

    name: str
    data: str
    ontology: str
    scores: Scores
    gold_triggers: Scores | None = None

    def headline(self) -> dict[str, float]:
        """The main numbers as one flat dict, in [0, 1]: `TC f1`, `gold triggers AC+ f1`, …"""
        numbers = self.scores.flat()
        for name, value in (self.gold_triggers.flat() if self.gold_triggers else {}).items():
            if name.startswith(("A", "argument", "modality", "polarity")):
                numbers[f"gold triggers {name}"] = value
        return numbers

    def to_json(self) -> str:
        """Everything, indented, with `headline` first."""
        return json.dumps(
            {
                "name": self.name,
                "data": self.data,
                "ontology": self.ontology,
                "headline": self.headline(),
                "scores": self.scores.to_dict(),
                "gold_triggers": self.gold_triggers.to_dict() if self.gold_triggers else None,
            },
            ensure_ascii=False,
            indent=1,
        )

    def to_markdown(self) -> str:
        """The report for a reader, in percent."""
        return report_markdown(self.name, self.data, self.scores, self.gold_triggers)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write `report.json` and `report.md` into `folder`, which is made if need be."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        (target / "report.json").write_text(self.to_json() + "\n", encoding="utf-8")
        (target / "report.md").write_text(self.to_markdown(), encoding="utf-8")


def predict(extractor: Extractor, documents: Sequence[Document]) -> Predictions:
    """Run an extractor over documents, from their texts and with their triggers given."""
    answers = list(extractor.classify_many(document.text for document in documents))
    return Predictions(answers, extractor.with_gold_triggers(documents))


def report(
    name: str,
    gold: Sequence[Document],
    predicted: Sequence[Document],
    gold_triggers: Sequence[Document] | None = None,
    *,
    data: str = "",
    ontology: Ontology | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    type_threshold: float = 0.5,
) -> Report:
    """Score the answers of a system. Options as for `metrics.score`.

    Raises DataError when the documents do not pair up, or the answers to gold triggers have other triggers.
    """

    def scored(answers: Sequence[Document]) -> Scores:
        return score(gold, answers, ontology, bootstrap=bootstrap, seed=seed, type_threshold=type_threshold)

    if gold_triggers is not None:
        for mine, theirs in align(gold, gold_triggers):
            odd = by_trigger(mine).keys() ^ by_trigger(theirs).keys()
            if odd:
                start, end, kind = min(odd)
                word = mine.text[start:end]
                raise DataError(
                    f"{name}, document {mine.id!r}: {kind} on {word!r} ({start}:{end}) stands on one side "
                    "only; expected the gold triggers and types, with arguments predicted."
                )
    digest = (ontology or Ontology.default()).digest
    return Report(name, data, digest, scored(predicted), None if gold_triggers is None else scored(gold_triggers))


def evaluate(
    extractor: Extractor,
    documents: Iterable[Document],
    *,
    name: str = "ahdath",
    data: str = "",
    ontology: Ontology | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    type_threshold: float = 0.5,
) -> Report:
    """Run an extractor over annotated documents and score it, with predicted and with gold triggers.

    Raises what `report` raises.
    """
    gold = list(documents)
    answers = predict(extractor, gold)
    return report(
        name,
        gold,
        answers.from_text,
        answers.gold_triggers,
        data=data,
        ontology=ontology,
        bootstrap=bootstrap,
        seed=seed,
        type_threshold=type_threshold,
    )


def score_files(
    gold: str | PathLike[str],
    predicted: str | PathLike[str],
    *,
    ontology: Ontology | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Report:
    """Score any system's JSONL of documents against a gold JSONL, named by their files.

    Raises DataError for a file that cannot be read, and what `metrics.score` raises.
    """
    sides = read_jsonl(gold, ontology), read_jsonl(predicted, ontology)
    name, data = Path(predicted).stem, Path(gold).name
    return report(name, *sides, data=data, ontology=ontology, bootstrap=bootstrap, seed=seed)
