"""The leaderboard: any system's answers on a gold file -> an entry of docs/leaderboard.json -> a table.

An entry holds scores that were computed here from a file of answers, never claimed ones, and the digests of that file and
of the gold file, so that whoever has both can check it. Tables put together only what was scored on the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date as calendar
from hashlib import sha256
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.errors import DataError
from ahdath.evaluation import Extractor, score_files
from ahdath.textfiles import write_whole

__all__ = ["Entry", "add", "answer", "entry", "read", "table"]

_COLUMNS = ("TI", "TC", "AI", "AC", "AI+", "AC+", "AC+ overlap", "sentence types")
_WITH_INTERVAL = ("TC", "AC+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One system on one gold file.

    `scores` are the headline numbers of `ahdath score` in [0, 1], `intervals` those of F1 by measure; `gold` and `answers` are
    digests of the files, `ontology` that of the types they were scored with. `about` says what a reader should know.
    """

    name: str
    who: str
    date: str
    about: str
    data: str
    paragraphs: int
    gold: str
    answers: str
    ontology: str
    scores: dict[str, float]
    intervals: dict[str, list[float]]


def entry(
    answers: str | PathLike[str],
    gold: str | PathLike[str],
    *,
    name: str,
    who: str,
    about: str = "",
    date: str | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Entry:
    """Score a system's JSONL of documents, as `ahdath score` does, into an entry dated today or `date` (YYYY-MM-DD).

    Raises DataError for a name that is empty, a date that is none, a damaged file, and answers that do not fit the gold.
    """
    for what, said in (("name", name), ("who", who)):
        if not said.strip():
            raise DataError(f"{what}: expected words that a reader knows it by, found {said!r}; give some")
    try:
        day = calendar.today() if date is None else calendar.fromisoformat(date)
    except ValueError as error:
        raise DataError(f"date: expected a day such as 2026-01-31, found {date!r}; write it so") from error
    found = score_files(gold, answers, bootstrap=bootstrap, seed=seed)
    measures = found.scores.measures
    return Entry(
        name=name.strip(),
        who=who.strip(),
        date=day.isoformat(),
        about=about.strip(),
        data=Path(gold).name,
        paragraphs=found.scores.paragraphs,
        gold=_digest(gold),
        answers=_digest(answers),
        ontology=found.ontology,
        scores={key: round(value, 5) for key, value in found.headline().items()},
        intervals={
            key: [round(edge, 5) for edge in one.interval] for key, one in measures.items() if one.interval is not None
        },
    )


def answer(extractor: Extractor, gold: str | PathLike[str], output: str | PathLike[str]) -> None:
    """Let a system of this library read the texts of a gold file, and write its answers as any system would."""
    documents = read_jsonl(gold)
    found = extractor.classify_many(document.text for document in documents)
    write_jsonl(output, [replace(one, id=document.id) for one, document in zip(found, documents, strict=True)])


def read(path: str | PathLike[str]) -> list[Entry]:
    """The entries of a leaderboard file; none where there is no file.

    Raises DataError for a damaged file, naming it and the entry.
    """
    file = Path(path)
    if not file.exists():
        return []
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: expected JSON, found none: {error}; restore the file") from error
    if not isinstance(rows, list):
        raise DataError(f"{file}: expected a list of entries, found {type(rows).__name__}; restore the file")
    return [_entry(row, f"{file}, entry {number}") for number, row in enumerate(rows)]


def add(path: str | PathLike[str], new: Entry) -> list[Entry]:
    """Put an entry into a leaderboard file, in place of one of the same name on the same gold file; returns all."""
    entries = [one for one in read(path) if (one.name, one.gold) != (new.name, new.gold)]
    entries.append(new)
    text = json.dumps([asdict(one) for one in entries], ensure_ascii=False, indent=1)
    write_whole(Path(path), text + "\n")
    return entries


def table(entries: Iterable[Entry]) -> str:
    """The entries as Markdown, best TC first, a table for every gold file, the newest first; F1 in percent.

    >>> print(table([]))
    No system yet.
    """
    by_gold: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        by_gold.setdefault((one.data, one.gold), []).append(one)
    if not by_gold:
        return "No system yet."
    newest_first = sorted(by_gold.values(), key=lambda found: max(one.date for one in found), reverse=True)
    return "\n\n".join(_one_table(found) for found in newest_first)


def _one_table(entries: Sequence[Entry]) -> str:
    first = entries[0]
    lines = [
        f"On `{first.data}`, {first.paragraphs} paragraphs (SHA-256 `{first.gold[:12]}…`):",
        "",
        _line(["system", "by", "date", *_COLUMNS]),
        _line(["---", "---", "---", *["---:"] * len(_COLUMNS)]),
    ]
    for one in sorted(entries, key=lambda one: (-one.scores.get("TC f1", 0.0), one.name)):
        lines.append(_line([_text(one.name), _text(one.who), one.date, *(_cell(one, name) for name in _COLUMNS)]))
    told = [f"- {_text(one.name)}: {_text(one.about)}." for one in entries if one.about]
    return "\n".join([*lines, "", *told]).rstrip()


def _cell(one: Entry, name: str) -> str:
    value = one.scores.get(f"{name} f1", 0.0)
    if not value:
        return "–"
    interval = one.intervals.get(name) if name in _WITH_INTERVAL else None
    edges = f" ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})" if interval else ""
    return f"{100 * value:.1f}{edges}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _text(said: str) -> str:
    """Words that somebody sent, on one line and without markup of HTML."""
    return " ".join(escape(said, quote=False).split())


def _digest(path: str | PathLike[str]) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()


def _entry(row: Any, where: str) -> Entry:
    keys = {field.name for field in fields(Entry)}
    if not isinstance(row, dict) or row.keys() != keys:
        odd = sorted(row.keys() ^ keys) if isinstance(row, dict) else type(row).__name__
        raise DataError(f"{where}: expected the keys {', '.join(sorted(keys))}; these differ: {odd}; add the entry anew")
    return Entry(**row)
