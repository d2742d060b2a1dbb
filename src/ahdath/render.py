"""Documents for a reader: a right-to-left HTML page, and a table for the terminal.

Pure functions of Documents. Whatever a text holds stays text: markup is escaped, bidi controls cannot leave the
span they stand in, and the terminal is shown control characters, overrides and lone surrogates as escapes. The
page needs nothing from elsewhere. This module knows no models and no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from .errors import ConfigError
from .ontology import Ontology
from .schema import Document, Event, Span

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["html", "terminal"]

Names = Literal["ar", "en"]

_CONTEXT = 45  # characters of text around the spans of an event in its line
_WORDS = {
    "ar": {
        "title": "أحداث", "number": "رقم", "type": "النوع", "trigger": "اللفظ", "told": "كيف ذُكر", "arguments": "الأطراف",
        "sentence": "الجملة", "types": "الأنواع", "none": "لا أحداث", "by": "استخرجها",
        "asserted": "مؤكد", "other": "غير مؤكد", "positive": "مثبت", "negative": "منفي",
    },
    "en": {
        "title": "Events", "number": "No.", "type": "Type", "trigger": "Trigger", "told": "Told as", "arguments": "Arguments",
        "sentence": "Sentence", "types": "Types", "none": "No events", "by": "Read by",
    },
}  # fmt: skip


# ---------------------------------------------------------------------- both


@dataclass(frozen=True)
class _Mark:
    """How a span is shown: `kind` is trigger or argument, `hue` its colour in degrees, `label` stands behind it."""

    span: Span
    kind: str
    hue: int
    label: str
    title: str


def _segments(start: int, end: int, marks: Sequence[_Mark]) -> Iterator[tuple[int, int, list[_Mark]]]:
    """`start:end` cut at every edge of a mark, each piece with the marks that cover it; any overlap is allowed."""
    edges = {start, end}
    opening: dict[int, list[_Mark]] = {}
    for mark in marks:
        first, last = max(mark.span.start, start), min(mark.span.end, end)
        if first < last:
            edges |= {first, last}
            opening.setdefault(first, []).append(mark)
    active: list[_Mark] = []
    cuts = sorted(edges)
    for a, b in pairwise(cuts):
        active = [mark for mark in active if mark.span.end > a] + opening.get(a, [])
        yield a, b, active


def _place(names: Sequence[str], name: str) -> int:
    """Where a name stands in the ontology; behind all others where it does not have it."""
    return names.index(name) if name in names else len(names)


def _hue(place: int) -> int:
    """A colour of its own for every place: steps by the golden angle keep neighbours apart."""
    return round(place * 137.508) % 360


def _type_hue(ontology: Ontology, name: str) -> int:
    return _hue(_place(ontology.type_names, name))


def _ontology(event: Event) -> Ontology:
    return event.ontology or Ontology.default()


def _type_name(ontology: Ontology, name: str, names: Names) -> str:
    known = ontology.types.get(name)
    return (known.ar if known and names == "ar" else "") or name


def _role_name(ontology: Ontology, name: str, names: Names) -> str:
    known = ontology.roles.get(name)
    return (known.ar if known and names == "ar" else "") or name


def _trigger_mark(event: Event, label: str) -> _Mark:
    title = f"{event.type} {event.score:.2f}"
    return _Mark(event.trigger, "trigger", _type_hue(_ontology(event), event.type), label, title)


def _argument_marks(event: Event, names: Names, number: int | None = None) -> Iterator[_Mark]:
    ontology = _ontology(event)
    for one in event.arguments:
        label = _role_name(ontology, one.role, names)
        of = "" if number is None else f" ({number})"
        hue = _hue(_place(ontology.role_names, one.role)) + 60
        yield _Mark(one.span, "argument", hue, label, f"{label}{of} {one.score:.2f}")


def _told(event: Event) -> list[str]:
    """The attribute values that are not the usual ones, such as `other` and `negative`."""
    usual = _ontology(event).defaults
    values = {"modality": event.modality, "polarity": event.polarity}
    return [value for name, value in values.items() if value != usual[name]]


def _heading(document: Document) -> str:
    """The document's id, or the file and offset it is from; may be empty."""
    file, start = document.meta.get("file"), document.meta.get("start")
    if document.id or file is None:
        return document.id
    return str(file) if start is None else f"{file}:{start}"


# ---------------------------------------------------------------------- HTML

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #667; --line: #d8dae0; --page: #fbfbf9; --light: 88%; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e3; --soft: #99a; --line: #3a3d45; --page: #17191d; --light: 28%; }
}
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; background: var(--page); color: var(--ink);
  font: 1.05rem/1.9 "Noto Naskh Arabic", "Amiri", "Geeza Pro", "Segoe UI", Tahoma, serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1rem; color: var(--soft); font-weight: normal; margin: 0; }
article { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start;
  border-top: 1px solid var(--line); padding: 1rem 0; }
article > h2 { flex: 1 0 100%; }
article > section { flex: 1 1 26rem; min-width: 0; }
.text, .line { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1rem; }
.line { font-size: .9rem; border-inline-start: .3rem solid hsl(var(--hue) 60% 50%); padding-inline-start: .6rem; }
.number { color: var(--soft); font-size: .8rem; }
mark { color: inherit; background: none; unicode-bidi: isolate; }
mark.trigger { background: hsl(var(--hue) 65% var(--light)); border-radius: .3rem; padding: 0 .2rem; font-weight: bold; }
mark.argument { border-bottom: .16rem solid hsl(var(--hue) 60% 50%); }
mark[data-label]::after { content: attr(data-label); unicode-bidi: isolate; margin-inline-start: .25rem;
  font-size: .65rem; font-weight: normal; color: var(--soft); }
table { border-collapse: collapse; font-size: .9rem; width: 100%; }
th, td { text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); padding: .2rem .5rem; }
th { color: var(--soft); font-weight: normal; }
td { overflow-wrap: anywhere; }
.type { border-inline-start: .3rem solid hsl(var(--hue) 60% 50%); }
.type small, .role { color: var(--soft); }
.type small { display: block; direction: ltr; text-align: end; }
.negative, .other { color: #b3261e; }
footer, .none { color: var(--soft); font-size: .9rem; }
""".strip()


def html(documents: Document | Iterable[Document], *, names: Names = "ar", sentences: bool = False) -> str:
    """A complete right-to-left page: every text with its events marked, a line for each event, and a table beside it.

    `names` says in which language types and roles are called, `sentences` shows the event types of sentences
    too. Scores stand in the titles. Lone surrogates stay in the string: write it with
    `errors="backslashreplace"`. Raises ConfigError for other `names`.

    >>> text = "قصفت الطائرات حلب"
    >>> page = html(Document(text, [Event("Conflict.Attack", Span.of(text, 0, 4))]))
    >>> '<html lang="ar" dir="rtl">' in page and ">قصفت</mark>" in page
    True
    """
    if names not in _WORDS:
        raise ConfigError(f"names {names!r}: expected 'ar' or 'en'")
    everything = [documents] if isinstance(documents, Document) else list(documents)
    title = _WORDS[names]["title"]
    articles = "".join(_article(document, names, sentences) for document in everything)
    return (
        f'<!DOCTYPE html>\n<html lang="ar" dir="rtl">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n{articles}{_footer(everything, names)}"
        "</body>\n</html>\n"
    )


def _article(document: Document, names: Names, sentences: bool) -> str:
    heading = _heading(document)
    numbered = list(enumerate(document.events, 1))
    marks = [_trigger_mark(e, f"{n} {_type_name(_ontology(e), e.type, names)}") for n, e in numbered]
    for number, event in numbered:
        marks += [_Mark(m.span, m.kind, m.hue, "", m.title) for m in _argument_marks(event, names, number)]
    parts = ["<article>\n", f"<h2><bdi>{escape(heading)}</bdi></h2>\n" if heading else "", "<section>\n"]
    parts.append(f'<p class="text">{_marked(document.text, 0, len(document.text), marks)}</p>\n')
    parts += [_line(document.text, event, number, names) for number, event in numbered]
    parts.append("</section>\n<section>\n")
    if numbered:
        parts.append(_events_table(document, names))
    elif not sentences:
        parts.append(f'<p class="none">{_WORDS[names]["none"]}</p>\n')
    if sentences:
        parts.append(_sentences_table(document, names))
    return "".join([*parts, "</section>\n</article>\n"])


def _marked(text: str, start: int, end: int, marks: Sequence[_Mark]) -> str:
    """`text[start:end]` with the marks around their spans; labels stand in attributes, so copied text is clean."""
    parts = []
    for a, b, covering in _segments(start, end, marks):
        piece = escape(text[a:b])
        if not covering:
            parts.append(piece)
            continue
        kinds = " ".join(sorted({mark.kind for mark in covering}))
        shown = next((mark for mark in covering if mark.kind == "trigger"), covering[-1])
        title = escape(", ".join(dict.fromkeys(mark.title for mark in covering)))
        label = escape(" · ".join(dict.fromkeys(m.label for m in covering if m.label and min(m.span.end, end) == b)))
        told = f' data-label="{label}"' if label else ""
        parts.append(f'<mark class="{kinds}" style="--hue:{shown.hue}" title="{title}"{told}>{piece}</mark>')
    return "".join(parts)


def _line(text: str, event: Event, number: int, names: Names) -> str:
    """One event by itself: the words around its spans, with the names of type and roles behind them."""
    trigger = _trigger_mark(event, _type_name(_ontology(event), event.type, names))
    marks = [trigger, *_argument_marks(event, names)]
    windows = _windows(text, [mark.span for mark in marks])
    pieces = [_marked(text, start, end, marks) for start, end in windows]
    before, after = "… " if windows[0][0] > 0 else "", " …" if windows[-1][1] < len(text) else ""
    content = f"{before}{' … '.join(pieces)}{after}"
    return f'<p class="line" style="--hue:{trigger.hue}"><span class="number">{number}</span> {content}</p>\n'


def _windows(text: str, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """The spans with some words around them, as ranges in order that neither overlap nor touch."""
    windows: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        low, high = max(span.start - _CONTEXT, 0), min(span.end + _CONTEXT, len(text))
        space = text.find(" ", low, span.start) if low > 0 else -1
        start = low if space < 0 else space + 1
        space = text.rfind(" ", span.end, high) if high < len(text) else -1
        end = high if space < 0 else space
        if windows and start <= windows[-1][1] + 1:
            start, end = windows[-1][0], max(end, windows.pop()[1])
        windows.append((start, end))
    return windows


def _events_table(document: Document, names: Names) -> str:
    head = _head(names, "number", "type", "trigger", "told", "arguments")
    rows = [_event_row(event, number, names) for number, event in enumerate(document.events, 1)]
    return f'<table class="events">\n{head}{"".join(rows)}</table>\n'


def _event_row(event: Event, number: int, names: Names) -> str:
    ontology, words = _ontology(event), _WORDS[names]
    trigger = _trigger_mark(event, "")
    told = " ".join(f'<span class="{escape(value)}">{escape(words.get(value, value))}</span>' for value in _told(event))
    arguments = "".join(
        f'<div title="{one.score:.2f}"><span class="role">{escape(_role_name(ontology, one.role, names))}:</span> '
        f"<bdi>{escape(one.span.text)}</bdi></div>"
        for one in sorted(event.arguments, key=lambda one: _place(ontology.role_names, one.role))
    )
    return (
        f'<tr><td class="number">{number}</td>'
        f'<td class="type" style="--hue:{trigger.hue}" title="{event.score:.2f}">{_both_names(ontology, event.type)}</td>'
        f'<td title="{event.score:.2f}"><bdi>{escape(event.trigger.text)}</bdi></td><td>{told}</td><td>{arguments}</td></tr>\n'
    )


def _both_names(ontology: Ontology, name: str) -> str:
    arabic = _type_name(ontology, name, "ar")
    return f"{escape(arabic)} <small>{escape(name)}</small>" if arabic != name else escape(name)


def _sentences_table(document: Document, names: Names) -> str:
    ontology = _ontology(document.events[0]) if document.events else Ontology.default()
    rows = []
    for sentence in document.sentences:
        types = "".join(
            f'<div class="type" style="--hue:{_type_hue(ontology, name)}"'
            f' title="{(sentence.scores or {}).get(name, 1.0):.2f}">{_both_names(ontology, name)}</div>'
            for name in sentence.types
        )
        rows.append(f"<tr><td><bdi>{escape(sentence.text)}</bdi></td><td>{types}</td></tr>\n")
    return f'<table class="sentences">\n{_head(names, "sentence", "types")}{"".join(rows)}</table>\n'


def _head(names: Names, *columns: str) -> str:
    return "<tr>" + "".join(f"<th>{_WORDS[names][column]}</th>" for column in columns) + "</tr>\n"


def _footer(documents: Sequence[Document], names: Names) -> str:
    made = dict.fromkeys((d.model, d.ontology) for d in documents if d.model)
    if not made:
        return ""
    said = ", ".join(f"{model} ({ontology})" if ontology else str(model) for model, ontology in made)
    return f"<footer>{_WORDS[names]['by']} ahdath: <bdi>{escape(said)}</bdi></footer>\n"


# ---------------------------------------------------------------------- terminal

# What would act on a terminal, or reorder what stands behind it; joiners and direction marks are harmless.
_ACTING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def terminal(document: Document, *, sentences: bool = False) -> RenderableType:
    """The text and a table of its events, for `rich.print`; `sentences` shows the event types of sentences instead.

    Columns go from right to left: type with its Arabic name below, trigger, role, argument, attributes that are
    not the usual ones, score. Arabic columns have Latin ones between them, so that a terminal that reorders
    each line by itself (as all do that know Arabic) cannot swap two columns.
    """
    from rich.align import Align
    from rich.console import Group
    from rich.text import Text

    marks = [] if sentences else [mark for event in document.events for mark in _terminal_marks(event)]
    text = Text(justify="right", overflow="fold")
    for a, b, covering in _segments(0, len(document.text), marks):
        kinds = {mark.kind for mark in covering}
        style = "bold red" if "trigger" in kinds else "underline" if kinds else ""
        text.append(_plain(document.text[a:b], keep="\n"), style)
    heading = _heading(document)
    parts: list[RenderableType] = [Text(_plain(heading), "dim", overflow="fold")] if heading else []
    if sentences:
        body: RenderableType = _sentence_rows(document)
    else:
        body = _event_rows(document) if document.events else Text("no events", "dim")
    return Group(*parts, text, Align.right(body), "")


def _terminal_marks(event: Event) -> Iterator[_Mark]:
    yield _trigger_mark(event, "")
    yield from _argument_marks(event, "en")


def _plain(text: str, keep: str = "") -> str:
    """`text` with acting characters as escapes (`\\x1b`), and tabs as spaces, which have one width."""
    escaped = _ACTING.sub(lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text)
    return escaped.replace("\t", " ")


def _grid(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.ROUNDED, header_style="dim", border_style="dim")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _event_rows(document: Document) -> Table:
    from rich.text import Text

    table = _grid("score", "told as", "argument", "role", "trigger", "type")
    for event in document.events:
        arabic = _type_name(_ontology(event), event.type, "ar")
        columns = (
            [Text(f"{event.score:.2f}")],
            [Text(_plain(value), "yellow") for value in _told(event)],
            [Text(_plain(one.span.text)) for one in event.arguments],
            [Text(_plain(one.role), "cyan") for one in event.arguments],
            [Text(_plain(event.trigger.text), "bold red")],
            [Text(_plain(event.type), "bold"), *([Text(_plain(arabic))] if arabic != event.type else [])],
        )
        for cells, last in _rows(columns):
            table.add_row(*cells, end_section=last)
    return table


def _sentence_rows(document: Document) -> Table:
    from rich.text import Text

    table = _grid("score", "sentence", "type")
    for sentence in document.sentences:
        scores = [Text(f"{(sentence.scores or {}).get(name, 1.0):.2f}") for name in sentence.types]
        columns = (scores, [Text(_plain(sentence.text))], [Text(_plain(name), "bold") for name in sentence.types])
        for cells, last in _rows(columns):
            table.add_row(*cells, end_section=last)
    return table


def _rows(columns: Sequence[Sequence[Text]]) -> Iterator[tuple[tuple[Text | str, ...], bool]]:
    """Columns of unlike lengths as rows, filled up with empty cells; True marks the last row."""
    height = max(map(len, columns))
    for at in range(height):
        yield tuple(column[at] if at < len(column) else "" for column in columns), at == height - 1
