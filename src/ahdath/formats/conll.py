"""CoNLL-style columns: a word a line, the triggers as BIO in the second column, then a BIO column of arguments per event.

No tool owns this format; it is put together of two. As in the semantic roles of CoNLL-2005 there is one column for
every predicate of the sentence, left to right (https://www.cs.upc.edu/~srlconll/spec.html; its example has the base
form of the verb in the second column and spans in brackets, `(A0*` … `*)`, here types and spans are BIO). Comments and
blank lines are those of CoNLL-U (https://universaldependencies.org/format.html: comments before the words of a
sentence, `# newdoc id = …`, `# text = …`, a blank line after every sentence, tabs between columns). `B-` starts a span,
`I-` goes on. Where a sentence has no `# text`, its words are joined by spaces.

A word carries one trigger and, for an event, one role: events on words that an earlier event has and arguments on words
that an earlier argument of the event has are left out and counted, like modality, polarity, scores, meta and the spaces
between sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike

from ahdath.formats.losses import Losses
from ahdath.formats.placing import PlacedArgument, PlacedEvent, Window, join, locate, place
from ahdath.formats.records import expected, named, read_text, write_text
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["dumps", "loads", "read", "write"]

NAME = "CoNLL"
_NEWDOC = re.compile(r"#\s*newdoc(?:\s+id\s*=\s*(.*))?")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
_TAG = re.compile(r"[BI]-\S+|O")


def dumps(documents: Sequence[Document]) -> str:
    """The documents as columns.

    Raises DataError for an id with a line break or a type or role with white space.

    >>> from ahdath.schema import Argument, Event, Span
    >>> text = "قصفت الطائرات حلب"
    >>> attack = Event("Conflict.Attack", Span.of(text, 0, 4), (Argument("Place", Span.of(text, 14, 17)),))
    >>> print(dumps([Document(text, [attack], id="a")]).expandtabs(1), end="")
    # newdoc id = a
    # text = قصفت الطائرات حلب
    قصفت B-Conflict.Attack O
    الطائرات O O
    حلب O B-Place
    <BLANKLINE>
    """
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "sentences"))
    lines = []
    for name, document in named(documents):
        if not name.strip() or name != name.strip() or re.search(r"[\n\r\t]", name):
            expected(f"document {name!r}", "an id on one line, without spaces around it", name, "rename it")
        lines.append(f"# newdoc id = {name}")
        for window in place(document, losses):
            losses.add("texts without a word", int(bool(window.text) and not window.words))
            lines += _sentence(window, losses) if window.words else []
    losses.warn()
    return "".join(line + "\n" for line in lines)


def _sentence(window: Window, losses: Losses) -> list[str]:
    triggers = ["O"] * len(window.words)
    kept = []
    for event in sorted(window.events, key=lambda e: e.first):
        if _tag(triggers, event.type, event.first, event.last):
            kept.append(event)
        else:
            losses.add("events on the word of another")
            losses.add("arguments of events that are left out", len(event.arguments))
    columns = [triggers]
    for event in kept:
        column = ["O"] * len(window.words)
        overlapping = sum(not _tag(column, a.role, a.first, a.last) for a in event.arguments)
        losses.add("arguments on the word of another", overlapping)
        columns.append(column)
    text = re.sub(r"[\n\r\t]", " ", window.text)
    losses.add("line breaks and tabs inside sentences", sum(character in "\n\r\t" for character in window.text))
    rows = ["\t".join(cells) for cells in zip(window.forms(), *columns, strict=True)]
    return [f"# text = {text}", *rows, ""]


def _tag(column: list[str], label: str, first: int, last: int) -> bool:
    """Writes a span into a column if it is free there."""
    if any(character.isspace() for character in label):
        expected(NAME, "a type or role without white space", label, "rename it in the ontology")
    if any(tag != "O" for tag in column[first:last]):
        return False
    column[first:last] = [f"B-{label}"] + [f"I-{label}"] * (last - first - 1)
    return True


def loads(content: str, source: str = NAME, *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of columns. Raises DataError with `source` and the line.

    Events carry `ontology` (None: the packaged one) and have the default values of its attributes.
    """
    documents: list[tuple[str, list[Window]]] = []
    text: str | None = None
    rows: list[tuple[str, list[str]]] = []
    for number, line in enumerate([*content.split("\n"), ""], 1):
        line, where = line.rstrip("\r"), f"{source}:{number}"
        if line.startswith("#") and not rows and "\t" not in line:
            if match := _NEWDOC.fullmatch(line):
                documents.append(((match[1] or "").strip(), []))
            elif match := _TEXT.fullmatch(line):
                text = match[1]
        elif line.strip():
            rows.append((where, line.split("\t")))
        elif rows:
            if not documents:
                documents.append(("", []))
            documents[-1][1].append(_window(text, rows))
            text, rows = None, []
    return [join(name, windows, ontology) for name, windows in documents]


def _window(text: str | None, rows: list[tuple[str, list[str]]]) -> Window:
    where, first = rows[0]
    width = len(first)
    for place_, cells in rows:
        if len(cells) != width or width < 2:
            expected(place_, f"{max(width, 2)} columns with tabs between them", cells, "mend the line")
        for cell in cells[1:]:
            if not _TAG.fullmatch(cell):
                expected(place_, "B-…, I-… or O", cell)
    forms = [cells[0] for _, cells in rows]
    said = " ".join(forms) if text is None else text
    columns = [_spans([(place_, cells[n]) for place_, cells in rows]) for n in range(1, width)]
    triggers, roles = columns[0], columns[1:]
    if roles and len(roles) != len(triggers):
        expected(where, f"{len(triggers)} columns of arguments, one for every trigger", len(roles))
    arguments = roles or [[] for _ in triggers]
    events = tuple(
        PlacedEvent(kind, a, b, tuple(PlacedArgument(*found) for found in column))
        for (kind, a, b), column in zip(triggers, arguments, strict=True)
    )
    return Window(said, locate(forms, said, where), events)


def _spans(tags: list[tuple[str, str]]) -> list[tuple[str, int, int]]:
    """(label, first, last) of a BIO column. Raises DataError for an I- that goes on nothing."""
    found: list[tuple[str, int, int]] = []
    before = "O"
    for number, (where, tag) in enumerate(tags):
        if tag[0] == "B":
            found.append((tag[2:], number, number + 1))
        elif tag[0] == "I":
            if before[2:] != tag[2:]:
                expected(where, f"B-{tag[2:]} before {tag}", before, "a span starts with B-")
            found[-1] = (tag[2:], found[-1][1], number + 1)
        before = tag
    return found


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
