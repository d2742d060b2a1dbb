"""Statistics of annotated documents: as a dict, and as the Markdown tables of the data card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from ahdath.corpus.checking import tokens
from ahdath.schema import Document
from ahdath.text import normalize

__all__ = ["statistics", "statistics_markdown"]


def statistics(documents: Sequence[Document]) -> dict[str, Any]:
    """What is in the documents, as JSON-able counts and shares (0 to 1); deterministic for an order.

    `paragraphs`, `words` (without symbols), `sentences`, `events`, `arguments`, `without_events` and
    `triggers_of_several_words` with their `share_…`, `trigger_forms` (different normalised triggers),
    `words_per_paragraph` (min, median, max), `by_type`, `by_role`, `by_modality`, `by_polarity` (frequent
    ones first), and `by_batch` (paragraphs, words, events, arguments, without_events).

    >>> statistics([Document("قصفت القوات حلب.", id="1")])["share_without_events"]
    1.0
    """
    lengths = [len(tokens(document.text)) for document in documents]
    events = [event for document in documents for event in document.events]
    several = sum(len(tokens(event.trigger.text)) > 1 for event in events)
    without = sum(not document.events for document in documents)
    batches: dict[str, list[Document]] = {}
    for document in documents:
        batches.setdefault(str(document.meta.get("batch") or ""), []).append(document)
    return {
        **_counts(documents),
        "sentences": sum(len(document.sentences) for document in documents),
        "share_without_events": _share(without, len(documents)),
        "triggers_of_several_words": several,
        "share_of_triggers_of_several_words": _share(several, len(events)),
        "trigger_forms": len({normalize(event.trigger.text) for event in events}),
        "words_per_paragraph": {
            "min": min(lengths, default=0),
            "median": float(median(lengths or [0])),
            "max": max(lengths, default=0),
        },
        "by_type": _ranked(event.type for event in events),
        "by_role": _ranked(argument.role for event in events for argument in event.arguments),
        "by_modality": _ranked(event.modality for event in events),
        "by_polarity": _ranked(event.polarity for event in events),
        "by_batch": {name: _counts(batch) for name, batch in sorted(batches.items())},
    }


def _counts(documents: Sequence[Document]) -> dict[str, int]:
    events = [event for document in documents for event in document.events]
    return {
        "paragraphs": len(documents),
        "words": sum(len(tokens(document.text)) for document in documents),
        "events": len(events),
        "arguments": sum(len(event.arguments) for event in events),
        "without_events": sum(not document.events for document in documents),
    }


def _ranked(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def statistics_markdown(splits: Mapping[str, Sequence[Document]]) -> str:
    """The statistics of several files side by side, as Markdown tables."""
    found = {name: statistics(documents) for name, documents in splits.items()}
    tables = [_table("", list(found), _overview(list(found.values())))]
    for title in ("type", "role", "modality", "polarity"):
        counts = [s[f"by_{title}"] for s in found.values()]
        total = sum((Counter(count) for count in counts), Counter[str]())
        lines = [(name, [count.get(name, 0) for count in counts]) for name in _ranked(total.elements())]
        tables.append(_table(title, list(found), lines))
    keys = ("paragraphs", "words", "events", "arguments", "without_events")
    batches = [(name, split, count) for split, s in found.items() for name, count in s["by_batch"].items()]
    lines = [(name, [split, *(count[key] for key in keys)]) for name, split, count in batches]
    tables.append(_table("batch", ["split", *(key.replace("_", " ") for key in keys)], lines))
    return "\n".join(tables)


def _overview(found: Sequence[dict[str, Any]]) -> list[tuple[str, list[object]]]:
    counted = ("paragraphs", "words", "sentences", "events", "arguments", "without_events", "trigger_forms")
    lines: list[tuple[str, list[object]]] = [(k.replace("_", " "), [s[k] for s in found]) for k in counted]
    lengths = [s["words_per_paragraph"] for s in found]
    return [
        *lines,
        ("share without events", [f"{s['share_without_events']:.1%}" for s in found]),
        ("events per paragraph", [f"{s['events'] / max(s['paragraphs'], 1):.2f}" for s in found]),
        ("arguments per event", [f"{s['arguments'] / max(s['events'], 1):.2f}" for s in found]),
        ("triggers of several words", [f"{s['share_of_triggers_of_several_words']:.1%}" for s in found]),
        ("words per paragraph, median", [f"{length['median']:g}" for length in lengths]),
        ("shortest and longest", [f"{length['min']}–{length['max']}" for length in lengths]),
    ]


def _table(title: str, columns: Sequence[str], lines: Sequence[tuple[str, Sequence[object]]]) -> str:
    head = f"| {title} | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
    return head + "".join(f"| {label} | {' | '.join(map(str, cells))} |\n" for label, cells in lines)
