"""Documents as HTML: a page of its own, or a piece that a notebook shows.

Every text is shown with its events marked, below it a line for each event with types and roles behind the words, beside
it a table. Scores stand in the titles. The spans, the line and the row of one event carry its number in `data-e`, and
light up together under the pointer. Labels stand in attributes and are written by the style, so copied text is clean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ahdath.errors import ConfigError
from ahdath.ontology import Ontology
from ahdath.render.marks import (
    Mark,
    Names,
    argument_marks,
    heading_of,
    ontology_of,
    place_of,
    role_name,
    segments,
    stacked,
    told_as,
    trigger_mark,
    type_hue,
    type_name,
)
from ahdath.render.style import DOCUMENTS, LANES, PAGE, linked
from ahdath.schema import Document, Event, Span

__all__ = ["fragment", "html"]

_CONTEXT = 45  # characters of text around the spans of an event in its line
_WORDS = {
    "ar": {
        "title": "أحداث", "number": "رقم", "type": "النوع", "trigger": "اللفظ", "told": "كيف ذُكر", "arguments": "الأطراف",
        "sentence": "الجملة", "types": "الأنواع", "none": "لا أحداث", "by": "استخرجها",
        "asserted": "مؤكد", "other": "غير مؤكد", "positive": "مثبت", "negative": "منفي",
    },
    "en": {
        "title": "Events", "number": "#", "type": "Type", "trigger": "Trigger", "told": "Told as", "arguments": "Arguments",
        "sentence": "Sentence", "types": "Types", "none": "No events", "by": "Read by",
    },
}  # fmt: skip


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
    body, style = _parts(documents, names, sentences)
    title = _WORDS[names]["title"]
    return (
        f'<!DOCTYPE html>\n<html lang="ar" dir="rtl">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f'<style>\n{PAGE}\n{style}\n</style>\n</head>\n<body>\n<div class="ahdath">\n<h1>{title}</h1>\n{body}'
        "</div>\n</body>\n</html>\n"
    )


def fragment(documents: Document | Iterable[Document], *, names: Names = "ar", sentences: bool = False) -> str:
    """The same as a piece of HTML with its own style, which touches nothing around it: what notebooks show.

    Options and errors as for `html`. A lone surrogate, which no notebook can send, becomes an escape.

    >>> text = "قصفت الطائرات حلب"
    >>> fragment(Document(text, [Event("Conflict.Attack", Span.of(text, 0, 4))]))[:40]
    '<div class="ahdath" lang="ar" dir="rtl">'
    """
    body, style = _parts(documents, names, sentences)
    piece = f'<div class="ahdath" lang="ar" dir="rtl">\n<style>\n{style}\n</style>\n{body}</div>\n'
    return piece.encode("utf-8", "backslashreplace").decode("utf-8")


def _parts(documents: Document | Iterable[Document], names: Names, sentences: bool) -> tuple[str, str]:
    """The articles with their footer, and the style that they need."""
    if names not in _WORDS:
        raise ConfigError(f"names {names!r}: expected 'ar' or 'en'")
    everything = [documents] if isinstance(documents, Document) else list(documents)
    articles = "".join(_article(document, names, sentences) for document in everything)
    longest = max((len(document.events) for document in everything), default=0)
    return articles + _footer(everything, names), f"{DOCUMENTS}\n{linked(longest)}".rstrip()


def _article(document: Document, names: Names, sentences: bool) -> str:
    heading = heading_of(document)
    numbered = list(enumerate(document.events, 1))
    marks = [trigger_mark(e, f"{n} {type_name(ontology_of(e), e.type, names)}", n) for n, e in numbered]
    for number, event in numbered:
        marks += [
            Mark(m.span, m.kind, m.hue, str(number), m.title, number) for m in argument_marks(event, names, number)
        ]
    parts = ["<article>\n", f"<h2><bdi>{escape(heading)}</bdi></h2>\n" if heading else "", "<section>\n"]
    parts.append(f'<p class="text">{_marked(document.text, 0, len(document.text), stacked(marks))}</p>\n')
    parts += [_line(document.text, event, number, names) for number, event in numbered]
    parts.append("</section>\n<section>\n")
    if numbered:
        parts.append(_events_table(document, names))
    elif not sentences:
        parts.append(f'<p class="none">{_WORDS[names]["none"]}</p>\n')
    if sentences:
        parts.append(_sentences_table(document, names))
    return "".join([*parts, "</section>\n</article>\n"])


def _marked(text: str, start: int, end: int, marks: Sequence[Mark]) -> str:
    """`text[start:end]` with the marks around their spans."""
    return "".join(_piece(escape(text[a:b]), min(b, end), covering) for a, b, covering in segments(start, end, marks))


def _piece(text: str, end: int, covering: Sequence[Mark]) -> str:
    """A piece of escaped text up to `end` and the marks that cover it; the labels of those that end here stand behind."""
    if not covering:
        return text
    kinds = " ".join(sorted({mark.kind for mark in covering}))
    shown = next((mark for mark in covering if mark.kind == "trigger"), covering[-1])
    colours = {min(m.lane, len(LANES) - 1): m.hue for m in covering if m.kind == "argument"}
    lines = "".join(f";--{LANES[lane]}:hsl({hue} 60% 50%)" for lane, hue in sorted(colours.items()))
    title = escape(", ".join(dict.fromkeys(mark.title for mark in covering)))
    label = escape(" · ".join(dict.fromkeys(mark.label for mark in covering if mark.label and mark.span.end == end)))
    told = f' data-label="{label}"' if label else ""
    numbers = " ".join(map(str, dict.fromkeys(mark.event for mark in covering)))
    style = f"--hue:{shown.hue}{lines}"
    return f'<mark class="{kinds}" data-e="{numbers}" style="{style}" title="{title}"{told}>{text}</mark>'


def _line(text: str, event: Event, number: int, names: Names) -> str:
    """One event by itself: the words around its spans, with the names of type and roles behind them."""
    trigger = trigger_mark(event, type_name(ontology_of(event), event.type, names), number)
    marks = stacked([trigger, *argument_marks(event, names, number)])
    windows = _windows(text, [mark.span for mark in marks])
    pieces = [_marked(text, start, end, marks) for start, end in windows]
    before, after = "… " if windows[0][0] > 0 else "", " …" if windows[-1][1] < len(text) else ""
    content = f"{before}{' … '.join(pieces)}{after}"
    return f'<p class="line" data-e="{number}" style="--hue:{trigger.hue}"><span class="number">{number}</span> {content}</p>\n'


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
    ontology, words = ontology_of(event), _WORDS[names]
    hue = type_hue(ontology, event.type)
    told = " ".join(
        f'<span class="{escape(value)}">{escape(words.get(value, value))}</span>' for value in told_as(event)
    )
    arguments = "".join(
        f'<div title="{one.score:.2f}"><span class="role"><bdi>{escape(role_name(ontology, one.role, names))}</bdi>:</span> '
        f"<bdi>{escape(one.span.text)}</bdi></div>"
        for one in sorted(event.arguments, key=lambda one: place_of(ontology.role_names, one.role))
    )
    return (
        f'<tr data-e="{number}"><td class="number">{number}</td>'
        f'<td class="type" style="--hue:{hue}" title="{event.score:.2f}">{_both_names(ontology, event.type, names)}</td>'
        f'<td title="{event.score:.2f}"><bdi>{escape(event.trigger.text)}</bdi></td><td>{told}</td><td>{arguments}</td></tr>\n'
    )


def _both_names(ontology: Ontology, name: str, names: Names) -> str:
    first, second = type_name(ontology, name, names), type_name(ontology, name, "en" if names == "ar" else "ar")
    return f"<bdi>{escape(first)}</bdi>" + (f" <small><bdi>{escape(second)}</bdi></small>" if first != second else "")


def _sentences_table(document: Document, names: Names) -> str:
    ontology = ontology_of(document.events[0]) if document.events else Ontology.default()
    rows = []
    for sentence in document.sentences:
        types = "".join(
            f'<div class="type" style="--hue:{type_hue(ontology, name)}"'
            f' title="{(sentence.scores or {}).get(name, 1.0):.2f}">{_both_names(ontology, name, names)}</div>'
            for name in sentence.types
        )
        rows.append(f"<tr><td><bdi>{escape(sentence.text)}</bdi></td><td>{types}</td></tr>\n")
    return f'<table class="sentences">\n{_head(names, "sentence", "types")}{"".join(rows)}</table>\n'


def _head(names: Names, *columns: str) -> str:
    return "<tr>" + "".join(f'<th scope="col">{_WORDS[names][column]}</th>' for column in columns) + "</tr>\n"


def _footer(documents: Sequence[Document], names: Names) -> str:
    made = dict.fromkeys((d.model, d.ontology) for d in documents if d.model)
    if not made:
        return ""
    said = ", ".join(f"{model} ({ontology})" if ontology else str(model) for model, ontology in made)
    return f"<footer>{_WORDS[names]['by']} ahdath: <bdi>{escape(said)}</bdi></footer>\n"
