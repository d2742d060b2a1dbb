"""brat standoff: a `.txt` and an `.ann` for every document; offsets count code points, the end is exclusive.

After https://brat.nlplab.org/standoff.html ("indexed from 0 and include the character at the start offset but exclude
the character at the end offset"): `T1<TAB>Type start end<TAB>text`, `E1<TAB>Type:T1 Role:T2`, `A1<TAB>Name E1 value`. A
line cannot hold a line break, so brat cuts a span at one: `0 5;6 9`, the pieces joined by spaces. Several arguments of
one role are numbered from the second on (`Participant`, `Participant2`); brat itself takes the numbers off again
(`event_nonum_args` in https://github.com/nlplab/brat/blob/master/server/src/verify_annotations.py). The file name is
the id.

Scores, sentences, model and meta have no place in the format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from ahdath.errors import AhdathError, DataError
from ahdath.formats.losses import Losses
from ahdath.formats.records import defaults, expected, named, read_text, span_at, write_text
from ahdath.ontology import ATTRIBUTES, Ontology
from ahdath.schema import Argument, Document, Event, Span

__all__ = ["dump", "load", "read", "write"]

NAME = "brat"
_BREAK = re.compile(r"[\n\r]+")
_PAIR = (".txt", ".ann")
_NOT_HELD = {"R": "relations", "*": "relations", "#": "notes", "N": "normalisations"}


def dump(document: Document, *, entity_type: str = "Entity") -> tuple[str, str]:
    """The contents of the `.txt` and the `.ann`; what fills a role is an annotation of `entity_type`.

    Raises DataError for a type, role or value with a space or colon in it.

    >>> text = "قصفت الطائرات حلب"
    >>> attack = Event("Conflict.Attack", Span.of(text, 0, 4), (Argument("Place", Span.of(text, 14, 17)),))
    >>> print(dump(Document(text, [attack]))[1].replace("\\t", " "), end="")
    T1 Conflict.Attack 0 4 قصفت
    T2 Entity 14 17 حلب
    E1 Conflict.Attack:T1 Place:T2
    A1 modality E1 asserted
    A2 polarity E1 positive
    """
    bounds: dict[tuple[str, int, int], str] = {}
    texts: list[str] = []
    events: list[str] = []
    attributes: list[str] = []

    def text_bound(label: str, span: Span) -> str:
        key = (_word(label), span.start, span.end)
        if key not in bounds:
            bounds[key] = f"T{len(bounds) + 1}"
            pieces = _pieces(document.text, span)
            places = ";".join(f"{start} {end}" for start, end in pieces)
            said = _BREAK.sub(" ", " ".join(document.text[start:end] for start, end in pieces))
            texts.append(f"{bounds[key]}\t{label} {places}\t{said}\n")
        return bounds[key]

    for number, event in enumerate(document.events, 1):
        parts = [f"{event.type}:{text_bound(event.type, event.trigger)}"]
        seen: Counter[str] = Counter()
        for argument in event.arguments:
            role = _word(argument.role)
            seen[role] += 1
            numbered = role if seen[role] == 1 else f"{role}{seen[role]}"
            if numbered != role and numbered in {other.role for other in event.arguments}:
                expected(f"{event.type}", f"no role {numbered!r} beside two arguments {role!r}", role, "rename it")
            parts.append(f"{numbered}:{text_bound(entity_type, argument.span)}")
        events.append(f"E{number}\t{' '.join(parts)}\n")
        for name in ATTRIBUTES:
            attributes.append(f"A{len(attributes) + 1}\t{name} E{number} {_word(getattr(event, name))}\n")
    return document.text, "".join(texts + events + attributes)


def _word(name: str) -> str:
    if not name or re.search(r"[\s:]", name):
        expected("brat", "a name without spaces and colons", name, "rename it in the ontology")
    return name


def _pieces(text: str, span: Span) -> list[tuple[int, int]]:
    """The span without the line breaks in it; the span itself if it is nothing else."""
    pieces, start = [], span.start
    for match in _BREAK.finditer(text, span.start, span.end):
        pieces.append((start, match.start()))
        start = match.end()
    return [(a, b) for a, b in [*pieces, (start, span.end)] if a < b] or [(span.start, span.end)]


class _Annotations(NamedTuple):
    """The lines of an `.ann` by kind: spans by id, (type, trigger id, [(role, id)]) by id, (event id, name, value)."""

    spans: dict[str, tuple[str, Span]]
    events: dict[str, tuple[str, str, list[tuple[str, str]]]]
    attributes: list[tuple[str, str, str]]


def load(
    text: str, annotations: str, source: str = "brat", *, id: str = "", ontology: Ontology | None = None
) -> Document:
    """The document of a `.txt` and its `.ann`. Raises DataError with `source` and the line.

    Events carry `ontology` (None: the packaged one), whose defaults fill what no attribute says.
    """
    losses = Losses(f"ahdath from {NAME}")
    document = _load(text, annotations, source, id, losses, ontology)
    losses.warn()
    return document


def _load(
    text: str, annotations: str, source: str, id: str, losses: Losses, ontology: Ontology | None
) -> Document:
    found = _parse(text, annotations, source, losses)
    events = []
    for key, (kind, trigger, pairs) in found.events.items():
        where = f"{source}: {key}"
        arguments, seen = [], Counter[str]()
        for numbered, target in pairs:
            role = _unnumbered(numbered, seen)
            if target in found.events:
                target = found.events[target][1]
                losses.add("events that are arguments (their trigger is taken)")
            arguments.append(Argument(role, _span(found, target, where)))
            seen[role] += 1
        said = defaults(ontology)
        said.update({name: value for event, name, value in found.attributes if event == key})
        place = _span(found, trigger, where)
        made = Event(kind, place, tuple(arguments), said["modality"], said["polarity"], ontology=ontology)
        events.append(made)
    used = {found.events[key][1] for key in found.events} | {t for e in found.events.values() for _, t in e[2]}
    losses.add("annotated spans outside of events", len(set(found.spans) - used))
    return Document(text, tuple(events), id=id)


def _parse(text: str, annotations: str, source: str, losses: Losses) -> _Annotations:
    found = _Annotations({}, {}, [])
    for number, line in enumerate(annotations.split("\n"), 1):
        where = f"{source}:{number}"
        key, _, rest = line.rstrip("\r").partition("\t")
        if not line.strip():
            continue
        if key[:1] == "T" and "\t" in rest:
            head, _, said = rest.partition("\t")
            found.spans[key] = _text_bound(text, head, said, where, losses)
        elif key[:1] == "E" and rest:
            pairs = [tuple(part.split(":")) for part in rest.split()]
            if not all(len(pair) == 2 and all(pair) for pair in pairs):
                expected(where, "Type:T1 Role:T2 …", rest)
            (kind, trigger), *arguments = [(a, b) for a, b in pairs]
            found.events[key] = (kind, trigger, arguments)
        elif key[:1] in ("A", "M") and len(rest.split()) in (2, 3):
            name, target, *value = rest.split()
            if name in ATTRIBUTES and value and target[:1] == "E":
                found.attributes.append((target, name, value[0]))
            else:
                losses.add("attributes that ahdath does not have")
        elif key[:1] in _NOT_HELD:
            losses.add(_NOT_HELD[key[:1]])
        else:
            expected(where, "a line T…, E…, A…, R…, # or * with tabs as brat writes it", line)
    return found


def _text_bound(text: str, head: str, said: str, where: str, losses: Losses) -> tuple[str, Span]:
    kind, _, places = head.partition(" ")
    try:
        pieces = [(int(a), int(b)) for a, b in (piece.split(" ") for piece in places.split(";"))]
    except ValueError as error:
        raise DataError(f"{where}: expected Type start end, found {head!r}; write whole numbers") from error
    spans = [span_at(text, a, b, where) for a, b in pieces]
    here = " ".join(span.text for span in spans)
    if _BREAK.sub(" ", here) != _BREAK.sub(" ", said):
        expected(where, f"{here!r}, the text at {places}", said, "the .txt must be the one that was annotated")
    gaps = [text[a.end : b.start] for a, b in pairwise(spans)]
    if any(gap.strip() for gap in gaps):
        losses.add("gaps in spans (closed)")
    return kind, Span.of(text, min(s.start for s in spans), max(s.end for s in spans))


def _unnumbered(role: str, seen: Counter[str]) -> str:
    """The role without the number that tells it is the second, third … of its event."""
    for match in re.finditer(r"(?=(\d+)$)", role):
        base = role[: match.start()]
        if base and match[1] == str(seen[base] + 1) and seen[base]:
            return base
    return role


def _span(found: _Annotations, key: str, where: str) -> Span:
    if key not in found.spans:
        expected(where, f"a line {key}", list(found.spans), "add it or mend the event")
    return found.spans[key][1]


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes `<id>.txt` and `<id>.ann` for every document into the folder `path`, which is made if need be.

    Raises DataError for an id that cannot be a file name and for a folder that holds pairs of other documents.
    """
    folder = Path(path)
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "attributes"))
    contents = {}
    for name, document in named(documents, usable=_is_file_name):
        if not _is_file_name(name):
            expected(f"document {name!r}", "an id that can be a file name", name, "rename it")
        contents[name] = dump(document)
    _refuse_others(folder, {f"{name}{ending}" for name in contents for ending in _PAIR})
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder to write to, found: {error.strerror or error}") from error
    for name, (text, standoff) in contents.items():
        write_text(folder / f"{name}.txt", text)
        write_text(folder / f"{name}.ann", standoff)
    losses.warn()


def _refuse_others(folder: Path, ours: Collection[str]) -> None:
    """Raises DataError where the folder holds a `.txt` or `.ann` that would stand between those that are written."""
    there = folder.iterdir() if folder.is_dir() else ()
    others = sorted((p.name for p in there if p.suffix in _PAIR and p.name not in ours), key=_natural)
    if others:
        remedy = "name another folder or remove them"
        expected(str(folder), "a folder without .txt and .ann files of other documents", others[:5], remedy)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names by the numbers in them, `document-2` before `document-10`."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _is_file_name(name: str) -> bool:
    return bool(name) and not re.search(r"[/\\\0]", name) and not name.startswith(".")


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of all pairs of `.txt` and `.ann` in a folder, by name and number in it. Raises DataError."""
    folder = Path(path)
    texts = sorted(folder.glob("*.txt"), key=lambda file: _natural(file.name.removesuffix(".txt")))
    if not texts:
        expected(str(path), "a folder with .txt and .ann files", sorted(p.name for p in folder.glob("*"))[:5])
    losses = Losses(f"ahdath from {NAME}")
    documents = []
    for file in texts:
        pair = file.with_name(file.name.removesuffix(".txt") + ".ann")
        name = file.name.removesuffix(".txt")
        try:
            documents.append(_load(_raw(file), read_text(pair), str(pair), name, losses, ontology))
        except DataError:
            raise
        except AhdathError as error:
            raise DataError(f"{pair}: {error}") from error
    losses.warn()
    return documents


def _raw(path: Path) -> str:
    """A text with its byte order mark, which brat counts as a character."""
    text = read_text(path)
    return "\ufeff" + text if path.read_bytes().startswith(b"\xef\xbb\xbf") else text
