"""What is wrong in corpus files, and whether two of them share text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from os import PathLike
from typing import Any

from ahdath.corpus.compiling import compile_record, is_whole
from ahdath.corpus.rows import load
from ahdath.errors import DataError, shown
from ahdath.ontology import Ontology
from ahdath.schema import Document
from ahdath.text import normalize, words

__all__ = ["check", "shared_ngrams", "tokens"]


def check(
    paths: Iterable[str | PathLike[str]], ontology: Ontology | None = None, *, disjoint: bool = False
) -> list[str]:
    """All problems of corpus files (rows or hand-written batches), as `file:line: …`; empty if none.

    A line must be a valid row of the ontology (None: the packaged one); its spans must be whole words, no
    event or argument may stand twice, and no id or text may stand twice in all the files. `disjoint` also
    reports 8-grams of words that two of the files share. Raises DataError only for an unreadable file.
    """
    ontology = ontology or Ontology.default()
    problems: list[str] = []
    files: dict[str, list[Document]] = {}
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    for path in paths:
        found, wrong = load(path, lambda row: _parse(row, ontology))
        problems += wrong
        files[str(path)] = [document for _, document in found]
        for number, document in found:
            place = f"{path}:{number}"
            for kind, key, seen in (("id", document.id, ids), ("text", document.text, texts)):
                first = seen.setdefault(key, place)
                if key and first != place:
                    problems.append(f"{place}: expected every {kind} once, found {shown(key)} at {first} too")
            problems += [f"{place}: {problem}" for problem in _doubtful(document)]
    for a, b in combinations(files, 2) if disjoint else ():
        for ngram, (one, other) in shared_ngrams(files[a], files[b]).items():
            problems.append(f"{a} ({one}) and {b} ({other}) share words: {' '.join(ngram)}")
    return problems


def _parse(row: Any, ontology: Ontology) -> Document:
    """A row with offsets, or a hand-written record, which has no sentences and plain strings for triggers."""
    events = row.get("events") if isinstance(row, Mapping) else None
    for event in events if isinstance(events, list) else ():
        if isinstance(event, Mapping) and isinstance(event.get("trigger"), str):
            return compile_record(row, ontology)
    return Document.from_dict(row, ontology)


def _doubtful(document: Document) -> Iterator[str]:
    """What a valid Document may have and a corpus may not."""
    for n, event in enumerate(document.events):
        where = f"events[{n}] ({event.type}, {event.trigger.text!r})"
        for span in (event.trigger, *(argument.span for argument in event.arguments)):
            if not is_whole(document.text, span.start, span.end):
                yield f"{where}: expected spans of whole words, found {span.text!r} inside a longer one"
        for (role, span), count in Counter((a.role, a.span) for a in event.arguments).items():
            if count > 1:
                yield f"{where}: expected every argument once, found {role} {span.text!r} {count} times"
    for (name, trigger), count in Counter((e.type, e.trigger) for e in document.events).items():
        if count > 1:
            yield f"expected a type once on a trigger, found {name} on {trigger.text!r} {count} times"


def shared_ngrams(
    a: Sequence[Document], b: Sequence[Document], n: int = 8
) -> dict[tuple[str, ...], tuple[str, str]]:
    """The n-grams of normalised words that stand in both, each with the first document's id on either side.

    Symbols do not count as words, so punctuation hides nothing.

    >>> one, other = Document("قصفت القوات حلب.", id="1"), Document("أمس قصفت، القوات حلب", id="2")
    >>> shared_ngrams([one], [other], n=3)
    {('قصفت', 'القوات', 'حلب'): ('1', '2')}
    """
    if n < 1:
        raise DataError(f"n: expected the length of the n-grams, 1 or more, found {n}")
    first = _ngrams(a, n)
    return {ngram: (first[ngram], id) for ngram, id in _ngrams(b, n).items() if ngram in first}


def _ngrams(documents: Sequence[Document], n: int) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for document in documents:
        row = tokens(document.text)
        for start in range(len(row) - n + 1):
            found.setdefault(tuple(row[start : start + n]), document.id)
    return found


def tokens(text: str) -> list[str]:
    """The normalised words of a text, without symbols."""
    return [
        normalize(text[start:end]) for start, end in words(text) if any(c.isalnum() for c in text[start:end])
    ]
