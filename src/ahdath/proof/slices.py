"""Which paragraphs a model reads well: scores by spelling, length, headlines and negation; false alarms where nothing happens.

A slice is a rule over a paragraph and its annotation. The rules: spelling as `ahdath corpus audit` guesses it
(`audit.spelling_of`); length by the number of words, symbols not counted, borders as the thirds of dev and test lay when
they were fixed; `is_headline`; `is_negation_dense`. Slices overlap, each measured by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath.audit import spelling_of
from ahdath.audit.attributes import NEGATIONS
from ahdath.audit.findings import forms_of
from ahdath.corpus.checking import tokens
from ahdath.errors import ConfigError
from ahdath.metrics import score
from ahdath.proof.encoders import MEASURES
from ahdath.proof.ner import spread
from ahdath.text import sentences

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.schema import Document

__all__ = ["SLICES", "Slice", "answered", "f1", "is_headline", "is_negation_dense", "measure", "read_models", "slices", "table"]

THIRDS = (34, 45)
"""Words up to which a paragraph is short, and middling."""

HEADLINE = 14
"""Most words of a headline, as seeds/WRITING.md has them."""

_STOPS = ".!?؟…"
_QUOTES = "»\"”’')]"  # they may close behind a stop
_NEGATIONS = NEGATIONS | forms_of("ليس ليست", joined=True)


@dataclass(frozen=True, slots=True)
class Slice:
    """A name for the table, and whether an annotated paragraph belongs to it."""

    name: str
    holds: Callable[[Document], bool]


def is_headline(text: str) -> bool:
    """One sentence of at most 14 words that does not end with a stop.

    >>> is_headline("إصابة ثلاثة عمال في انفجار بميناء عدن"), is_headline("أصيب ثلاثة عمال في عدن.")
    (True, False)
    """
    stopped = text.rstrip().rstrip(_QUOTES).endswith(tuple(_STOPS))
    return not stopped and len(sentences(text)) == 1 and len(tokens(text)) <= HEADLINE


def is_negation_dense(document: Document) -> bool:
    """Two events or more that are negative or not asserted, and a word in the text that may deny (`لم`, `نفى`, `دون`, `ليس` …).

    The words are those of the audit's cues of polarity; `ما` is none of them, as it is mostly no negation.
    """
    turned = sum(event.polarity != "positive" or event.modality != "asserted" for event in document.events)
    return turned >= 2 and not _NEGATIONS.isdisjoint(tokens(document.text))


def _spelled(name: str) -> Callable[[Document], bool]:
    return lambda document: spelling_of(document.text) == name


def _long(least: int, most: float) -> Callable[[Document], bool]:
    return lambda document: least <= len(tokens(document.text)) <= most


SLICES = (
    Slice("all", lambda _: True),
    Slice("spelling: standard", _spelled("standard")),
    Slice("spelling: careless", _spelled("careless")),
    Slice("spelling: Egyptian", _spelled("egyptian")),
    Slice("spelling: with vowel marks", _spelled("tashkeel")),
    Slice(f"length: up to {THIRDS[0]} words", _long(0, THIRDS[0])),
    Slice(f"length: {THIRDS[0] + 1}–{THIRDS[1]} words", _long(THIRDS[0] + 1, THIRDS[1])),
    Slice(f"length: {THIRDS[1] + 1} words and more", _long(THIRDS[1] + 1, float("inf"))),
    Slice("headlines", lambda document: is_headline(document.text)),
    Slice("negation-dense", is_negation_dense),
)


# ---------------------------------------------------------------------- models -> numbers


def read_models(folders: Sequence[Path]) -> Iterator[tuple[Path, EventExtractor]]:
    """The models of finished runs, one at a time, in float32: the weights, not exported graphs.

    Raises ConfigError where none is named, and what loading raises.
    """
    from ahdath.inference import EventExtractor

    if not folders:
        raise ConfigError("models: expected the folders of finished runs, found none; name one or more")
    for folder in folders:
        yield folder, EventExtractor.from_pretrained(folder, runtime="torch")


def answered(extractor: EventExtractor, documents: Sequence[Document]) -> list[Document]:
    """What a model says of the texts, under the ids of the documents."""
    found = extractor.classify_many(document.text for document in documents)
    return [replace(answer, id=document.id) for answer, document in zip(found, documents, strict=True)]


def f1(gold: Sequence[Document], answers: Sequence[Document]) -> dict[str, float]:
    """F1 in percent by the measures of the tables: TC, AC+, sentence types."""
    found = score(gold, answers, bootstrap=0).measures
    return {name: round(100 * found[name].f1, 3) for name in MEASURES}


def measure(models: Sequence[Path], data: Mapping[str, Sequence[Document]]) -> dict[str, Any]:
    """Every model on every part of the data, and on all together; `slices` says what comes of each."""
    from ahdath.shipping import digest

    names = [{"name": folder.name, "weights": digest(folder)} for folder in models]
    answers: dict[str, list[list[Document]]] = {part: [] for part in data}
    for _, extractor in read_models(models):
        for part, documents in data.items():
            answers[part].append(answered(extractor, documents))
    parts: dict[str, Any] = {}
    if len(data) > 1:
        together = [list(chain(*one)) for one in zip(*answers.values(), strict=True)]
        parts[" + ".join(data)] = slices(list(chain(*data.values())), together)
    parts |= {part: slices(documents, answers[part]) for part, documents in data.items()}
    return {"models": names, "parts": parts}


def slices(gold: Sequence[Document], answers: Sequence[Sequence[Document]]) -> dict[str, Any]:
    """Scores by slice, from the answers of one or several models, in the order of `gold`.

    Gives "slices", by name `paragraphs`, gold `events` and `scores`, F1 in percent of each model; and "empty", the
    paragraphs without gold events: `paragraphs`, `words`, and for each model the `events` predicted there and the number of
    paragraphs `with_events`.
    """
    found = {}
    for one in SLICES:
        chosen = [at for at, document in enumerate(gold) if one.holds(document)]
        here = [gold[at] for at in chosen]
        events = sum(len(document.events) for document in here)
        scores = [f1(here, [each[at] for at in chosen]) for each in answers] if events else []
        found[one.name] = {"paragraphs": len(here), "events": events, "scores": scores}
    return {"slices": found, "empty": _empty(gold, answers)}


def _empty(gold: Sequence[Document], answers: Sequence[Sequence[Document]]) -> dict[str, Any]:
    chosen = [at for at, document in enumerate(gold) if not document.events]
    here = [gold[at] for at in chosen]
    alarms = [score(here, [each[at] for at in chosen], bootstrap=0).false_alarms for each in answers] if here else []
    return {
        "paragraphs": len(here),
        "words": alarms[0].words if alarms else 0,
        "events": [one.events for one in alarms],
        "with_events": [sum(bool(each[at].events) for at in chosen) for each in answers] if here else [],
    }


# ---------------------------------------------------------------------- numbers -> table


def table(found: Mapping[str, Any] | None) -> str:
    """The slices of every part, and the false alarms, as Markdown; `found` is what `measure` gives."""
    if not found:
        return "Not measured yet."
    blocks = []
    for part, one in found["parts"].items():
        head = ["slice", "paragraphs", "events", *MEASURES.values()]
        lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
        for name, row in one["slices"].items():
            cells = [_cell([scores[measure] for scores in row["scores"]]) for measure in MEASURES]
            lines.append(f"| {name} | {row['paragraphs']} | {row['events']} | {' | '.join(cells)} |")
        blocks.append(f"{part}:\n\n" + "\n".join(lines))
    names = ", ".join(f"`{one['name']}`" for one in found["models"])
    note = f"F1 in percent, median (lowest–highest) of {len(found['models'])} model(s): {names}."
    return "\n\n".join([*blocks, note, "Paragraphs in which nothing is annotated:", _alarms(found["parts"])])


def _cell(values: Sequence[float]) -> str:
    return spread(values) if values else "–"


def _alarms(parts: Mapping[str, Any]) -> str:
    lines = ["| part | paragraphs | words | events predicted per 1,000 words | paragraphs with any, % |", "|---|---:|---:|---:|---:|"]
    for part, found in parts.items():
        one = found["empty"]
        rate = _cell([1000 * n / one["words"] for n in one["events"] if one["words"]])
        share = _cell([100 * n / one["paragraphs"] for n in one["with_events"]])
        lines.append(f"| {part} | {one['paragraphs']} | {one['words']:,} | {rate} | {share} |")
    return "\n".join(lines)
