"""HTML, notebooks and terminal: what a text holds stays text, every span is shown, overlaps are read apart."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from ahdath import inference
from ahdath.cli import app
from ahdath.errors import ConfigError
from ahdath.ontology import Ontology
from ahdath.render import fragment, html, terminal
from ahdath.render.marks import Mark, stacked
from ahdath.render.style import DOCUMENTS, LANES, linked
from ahdath.schema import Argument, Document, Event, Sentence, Span

TEXT = "اغتال مسلحون الوزير في حلب أمس، ولم تعلن جهة مسؤوليتها."


def span(words: str, text: str = TEXT) -> Span:
    start = text.index(words)
    return Span(start, start + len(words), words)


ATTACK = Event(
    "Conflict.Attack",
    span("اغتال"),
    (Argument("Agent", span("مسلحون"), 0.91), Argument("Target", span("الوزير"), 0.8), Argument("Place", span("حلب"))),
    score=0.87,
)
DEATH = Event("Life.Die", span("اغتال"), (Argument("Victim", span("الوزير")),), "other", "negative", 0.5)
SENTENCE = Sentence(0, len(TEXT), TEXT, ("Conflict.Attack", "Life.Die"), {"Conflict.Attack": 0.93, "Life.Die": 0.61})
DOCUMENT = Document(
    TEXT, (ATTACK, DEATH), (SENTENCE,), meta={"file": "a.txt", "start": 7}, model="embedded", ontology="ab12"
)


class Page(HTMLParser):
    """The elements of a page as a reader has them: (class, text, attributes), and whether tags are balanced."""

    VOID = ("meta", "!doctype")

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        name, attributes, text = self.open.pop()
        assert name == tag
        self.elements.append((tag, attributes, "".join(text)))

    def handle_data(self, data: str) -> None:
        for _, _, text in self.open:
            text.append(data)

    def of(self, tag: str, kind: str | None = None) -> list[tuple[dict[str, str | None], str]]:
        return [(a, text) for name, a, text in self.elements if name == tag and kind in (None, a.get("class"))]

    def texts(self, tag: str, kind: str | None = None) -> list[str]:
        return [text for _, text in self.of(tag, kind)]


def shown(document: Document, width: int = 100, **options: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    console.print(terminal(document, **options))
    return stream.getvalue()


def cells(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]


# ---------------------------------------------------------------------- the page


def test_the_page_is_right_to_left_and_needs_nothing_from_elsewhere() -> None:
    page = html(DOCUMENT)
    assert page.startswith('<!DOCTYPE html>\n<html lang="ar" dir="rtl">')
    assert page.count("<html") == page.count("</html>") == 1
    assert '<meta charset="utf-8">' in page
    assert not re.search(r"<script|<link|src=|href=|@import|url\(|https?:", page)


def test_the_text_can_be_copied_as_it_was() -> None:
    assert Page(html(DOCUMENT)).texts("p", "text") == [TEXT]


def test_triggers_and_arguments_are_marked_in_the_text() -> None:
    paragraph = html(DOCUMENT).split('<p class="text">')[1].split("</p>")[0]
    marks = Page(paragraph).of("mark")
    assert [(a["class"], text) for a, text in marks] == [
        ("trigger", "اغتال"), ("argument", "مسلحون"), ("argument", "الوزير"), ("argument", "حلب"),
    ]  # fmt: skip
    assert marks[0][0]["data-label"] == "1 هجوم · 2 مقتل"
    assert [a["data-label"] for a, _ in marks[1:]] == ["1", "1 · 2", "1"]  # arguments say of which events they are
    assert [a["data-e"] for a, _ in marks] == ["1 2", "1", "1 2", "1"]
    assert marks[0][0]["title"] == "Conflict.Attack 0.87, Life.Die 0.50"
    assert marks[2][0]["title"] == "المستهدف (1) 0.80, الضحية (2) 1.00"
    assert len({a["style"] for a, _ in marks}) == 4


def test_every_event_has_a_line_with_its_roles() -> None:
    first, second = [line.split("</p>")[0] for line in html(DOCUMENT).split('<p class="line"')[1:]]
    assert re.findall(r'data-label="([^"]*)"', first) == ["هجوم", "الفاعل", "المستهدف", "المكان"]
    assert re.findall(r'data-label="([^"]*)"', second) == ["مقتل", "الضحية"]


def test_the_table_beside_it_has_types_attributes_arguments_and_scores() -> None:
    page = Page(html(DOCUMENT))
    assert page.texts("th") == ["رقم", "النوع", "اللفظ", "كيف ذُكر", "الأطراف"]
    assert page.texts("tr")[1] == "1هجوم Conflict.Attackاغتالالفاعل: مسلحونالمستهدف: الوزيرالمكان: حلب"
    assert [text for _, text in page.of("td", "type")] == ["هجوم Conflict.Attack", "مقتل Life.Die"]
    assert [a["title"] for a, _ in page.of("td", "type")] == ["0.87", "0.50"]
    assert [(a.get("title"), text) for a, text in page.of("div")][:2] == [
        ("0.91", "الفاعل: مسلحون"), ("0.80", "المستهدف: الوزير"),
    ]  # fmt: skip
    assert page.texts("span", "other") == ["غير مؤكد"]
    assert page.texts("span", "negative") == ["منفي"]
    assert page.texts("h2") == ["a.txt:7"]
    assert page.texts("footer") == ["استخرجها ahdath: embedded (ab12)"]


def test_names_can_be_english() -> None:
    page = Page(html(DOCUMENT, names="en"))
    assert page.texts("th")[:2] == ["#", "Type"]
    assert page.texts("td", "type") == ["Conflict.Attack هجوم", "Life.Die مقتل"]
    assert page.of("mark")[0][0]["data-label"] == "1 Conflict.Attack · 2 Life.Die"
    assert next(text for _, text in page.of("div")) == "Agent: مسلحون"
    assert page.texts("span", "other") == ["other"]
    with pytest.raises(ConfigError, match="names 'fr': expected 'ar' or 'en'"):
        html(DOCUMENT, names="fr")  # type: ignore[arg-type]


def test_several_documents_are_one_page_and_none_is_a_page_too() -> None:
    plain = Document("وصل الوفد.", id="second")
    page = Page(html(iter([DOCUMENT, plain])))
    assert page.texts("p", "text") == [TEXT, "وصل الوفد."]
    assert page.texts("p", "none") == ["لا أحداث"]
    assert page.texts("h2") == ["a.txt:7", "second"]
    assert Page(html([])).texts("article") == []


def test_sentences_are_shown_with_their_types() -> None:
    page = Page(html(replace(DOCUMENT, events=()), sentences=True))
    assert page.texts("th") == ["الجملة", "الأنواع"]
    assert [(a["title"], text) for a, text in page.of("div", "type")] == [
        ("0.93", "هجوم Conflict.Attack"), ("0.61", "مقتل Life.Die"),
    ]  # fmt: skip
    assert page.texts("p", "none") == []


def test_overlapping_and_crossing_spans_are_all_labelled() -> None:
    text = "سحب القوات الروسية من سوريا"
    event = Event(
        "Conflict.Withdraw",
        span("سحب", text),
        (
            Argument("Object", span("القوات الروسية", text)),
            Argument("Agent", span("الروسية من سوريا", text)),
            Argument("Origin", span("سوريا", text)),
        ),
    )
    page = Page(html(Document(text, (event,))))
    assert page.texts("p", "text") == [text]
    line = html(Document(text, (event,))).split('<p class="line"')[1].split("</p>")[0]
    assert [(text, label) for text, label in re.findall(r'title="[^"]*"(?: data-label="([^"]*)")?>([^<]*)</mark>', line)] == [
        ("انسحاب", "سحب"), ("", "القوات "), ("الشيء", "الروسية"), ("", " من "), ("الفاعل · المصدر", "سوريا"),
    ]  # fmt: skip


def test_a_line_leaves_out_what_is_far_from_the_event() -> None:
    far = "كلمة " * 60
    text = f"{far}قصفت القوات {far}حلب {far}".strip()
    event = Event("Conflict.Attack", span("قصفت", text), (Argument("Target", span("حلب", text)),))
    line = Page(html(Document(text, (event,)))).texts("p", "line")[0]
    assert line.count("…") == 3
    assert len(line) < 250
    assert "قصفت القوات" in line
    assert "حلب" in line


def test_an_ontology_of_ones_own_gives_its_names() -> None:
    own = Ontology.from_dict(
        {
            "version": 1,
            "roles": {"Cook": {"ar": "الطباخ", "definition": "who cooks"}},
            "types": {"Kitchen.Cook": {"ar": "طبخ", "definition": "a meal", "roles": ["Cook"]}},
        }
    )
    text = "طبخت سلمى"
    event = Event("Kitchen.Cook", span("طبخت", text), (Argument("Cook", span("سلمى", text)),), ontology=own)
    assert Page(html(Document(text, (event,)))).texts("span", "role") == ["الطباخ:"]
    unknown = replace(event, ontology=None)
    assert Page(html(Document(text, (unknown,)))).texts("td", "type") == ["Kitchen.Cook"]
    assert "Kitchen.Cook" in shown(Document(text, (unknown,)))


def test_line_row_and_spans_of_an_event_light_up_together() -> None:
    page = html(DOCUMENT)
    assert [a["data-e"] for a, _ in Page(page).of("p", "line")] == ["1", "2"]
    assert [a.get("data-e") for a, _ in Page(page).of("tr")] == [None, "1", "2"]
    assert '.ahdath article:has([data-e~="2"]:hover) [data-e~="2"]' in page
    assert '[data-e~="3"]' not in page
    assert linked(0) == ""
    assert linked(10_000).count(":hover") == 500


def test_arguments_that_overlap_are_underlined_in_lanes_of_their_own() -> None:
    def mark(start: int, end: int, hue: int, kind: str = "argument") -> Mark:
        return Mark(Span(start, end, "x" * (end - start)), kind, hue, "", "")

    marks = [
        mark(8, 12, 3),
        mark(0, 10, 1),
        mark(4, 9, 2),
        mark(10, 12, 1),
        mark(4, 9, 2),
        mark(4, 9, 4),
        mark(5, 6, 0, "trigger"),
    ]
    lanes = {(m.span.start, m.span.end, m.hue): m.lane for m in stacked(marks) if m.kind == "argument"}
    # From 4 to 9 two colours beside the long one; the same span in the same colour once; a lane is free again behind its end.
    assert lanes == {(0, 10, 1): 0, (4, 9, 2): 1, (4, 9, 4): 2, (8, 12, 3): 3, (10, 12, 1): 0}
    assert len(stacked(marks)) == len(marks)
    text = "سحب القوات الروسية من سوريا"
    event = Event(
        "Conflict.Withdraw",
        span("سحب", text),
        (Argument("Object", span("القوات الروسية", text)), Argument("Agent", span("الروسية من سوريا", text))),
    )
    styles = {piece: str(a["style"]) for a, piece in Page(html(Document(text, (event,)))).of("mark")}
    assert ";--a:" in styles["القوات "]
    assert ";--b:" not in styles["القوات "]
    assert ";--a:" in styles["الروسية"]
    assert ";--b:" in styles["الروسية"]
    assert ";--a:" not in styles[" من سوريا"]  # the second stays in its lane where the first has ended
    assert LANES == "abcd"


# ---------------------------------------------------------------------- notebooks


def test_a_notebook_shows_the_document() -> None:
    piece = DOCUMENT._repr_html_()
    assert piece == fragment(DOCUMENT)
    page = Page(piece)
    assert page.texts("p", "text") == [TEXT]
    assert page.of("div", "ahdath")[0][0] == {"class": "ahdath", "lang": "ar", "dir": "rtl"}
    assert not re.search(r"<html|<body|<script|<link|src=|href=|@import|url\(|https?:", piece)


def test_a_notebook_shows_types_of_sentences_where_there_are_no_events() -> None:
    page = Page(replace(DOCUMENT, events=())._repr_html_())
    assert page.texts("div", "type") == ["هجوم Conflict.Attack", "مقتل Life.Die"]
    assert Page(Document("وصل الوفد.")._repr_html_()).texts("p", "none") == ["لا أحداث"]


def test_the_style_of_a_piece_touches_nothing_around_it() -> None:
    rules = re.sub(r"@media[^{]*\{|/\*.*?\*/", "", DOCUMENTS + linked(3))
    selectors = [
        one.strip() for rule in rules.split("}") if "{" in rule for one in re.split(r",(?![^(]*\))", rule.split("{")[0])
    ]
    assert len(selectors) > 20
    assert [one for one in selectors if not one.startswith(".ahdath")] == []


def test_a_notebook_can_send_whatever_the_text_holds() -> None:
    piece = hostile()._repr_html_()
    assert "<script" not in piece
    assert "\\ud800" in piece
    assert json.loads(json.dumps(piece, ensure_ascii=False).encode("utf-8")) == piece


# ---------------------------------------------------------------------- the command


def test_the_command_takes_the_language_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    class Toy:
        def classify_many(self, texts: Iterable[str], **_: object) -> Iterator[Document]:
            return (replace(DOCUMENT, meta={}) for _ in texts)

    monkeypatch.setattr(inference, "default_extractor", Toy)
    for arguments, told in (([], "الفاعل"), (["--names", "en"], "Agent")):
        result = CliRunner().invoke(app, ["classify", "-", "--format", "html", *arguments], input=TEXT.encode())
        assert result.exit_code == 0, result.output
        assert f'<span class="role"><bdi>{told}</bdi>:</span>' in result.stdout


# ---------------------------------------------------------------------- the terminal


def test_the_table_goes_from_right_to_left() -> None:
    rows = cells(shown(DOCUMENT))
    assert rows[0] == ["score", "told as", "argument", "role", "trigger", "type"]
    assert rows[1:] == [
        ["0.87", "", "مسلحون", "Agent", "اغتال", "Conflict.Attack"],
        ["", "", "الوزير", "Target", "", "هجوم"],
        ["", "", "حلب", "Place", "", ""],
        ["0.50", "other", "الوزير", "Victim", "اغتال", "Life.Die"],
        ["", "negative", "", "", "", "مقتل"],
    ]
    assert shown(DOCUMENT).splitlines()[0] == "a.txt:7"


def test_two_arabic_columns_never_touch() -> None:
    arabic = re.compile("[\u0621-\u064a]")
    for row in cells(shown(DOCUMENT))[1:]:
        filled = [cell for cell in row if cell]
        assert not any(arabic.search(a) and arabic.search(b) for a, b in pairwise(filled)), row


def test_a_document_without_events_says_so() -> None:
    output = shown(Document("وصل الوفد."))
    assert "وصل الوفد." in output
    assert output.rstrip().endswith("no events")


def test_sentences_in_the_terminal() -> None:
    rows = cells(shown(DOCUMENT, sentences=True))
    assert rows[0] == ["score", "sentence", "type"]
    assert rows[1] == ["0.93", TEXT, "Conflict.Attack"]
    assert rows[2] == ["0.61", "", "Life.Die"]
    assert "اغتال │" not in shown(DOCUMENT, sentences=True)


def test_a_narrow_terminal_loses_nothing() -> None:
    columns = ["".join(column) for column in zip(*cells(shown(DOCUMENT, width=50)), strict=True)]
    for column, words in ((2, ("مسلحون", "الوزير", "حلب")), (3, ("Agent", "Victim")), (5, ("Conflict.Attack", "هجوم"))):
        for word in words:
            assert word in columns[column]


# ---------------------------------------------------------------------- hostile text

HOSTILE = "<script>alert('x')</script>&amp; \"q\" </p></mark> [red]x[/red] :smile: \u202eقصف \x1b[31m\x07 \ud800 \x9b1m"


def hostile() -> Document:
    trigger = Span.of(HOSTILE, HOSTILE.index("قصف"), HOSTILE.index("قصف") + 3)
    argument = Span.of(HOSTILE, 0, HOSTILE.index(" [red]"))
    rest = Span.of(HOSTILE, HOSTILE.index("[red]"), len(HOSTILE))
    event = Event('<b>"T"</b>', trigger, (Argument("<i>'R'", argument), Argument("[bold]", rest)), "<u>", '"')
    return Document(HOSTILE, (event,), id="<id>&", model="<m>")


def test_hostile_text_stays_text_in_html() -> None:
    source = html(hostile())
    page = Page(source)
    assert "<script" not in source
    assert {tag for tag, _, _ in page.elements} <= {
        "html", "head", "title", "style", "body", "h1", "h2", "bdi", "article", "section", "p", "mark", "table", "tr", "th",
        "td", "small", "span", "div", "footer",
    }  # fmt: skip
    assert page.texts("p", "text") == [HOSTILE]
    assert "<id>&" in page.texts("h2")
    assert source.encode("utf-8", "backslashreplace").count(b"\\ud800") == source.count("\ud800") > 0


def test_hostile_text_does_not_act_on_the_terminal() -> None:
    output = shown(hostile(), width=200)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", output)
    for escaped in (r"\x1b[31m\x07", r"\ud800", r"\u202eقصف", r"\x9b1m", "[red]x[/red] :smile:", "<script>"):
        assert escaped in output


TEXTS = st.text(st.characters(exclude_characters="\r"), min_size=1, max_size=60) | st.text(
    "<>&\"' \n\tقصف\u202e\u2066\ud800\x1b[]/", min_size=1, max_size=60
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXTS)

    def piece() -> Span:
        start = draw(st.integers(0, len(text) - 1))
        return Span.of(text, start, draw(st.integers(start + 1, len(text))))

    names = st.sampled_from(Ontology.default().type_names) | st.text(min_size=1, max_size=8)
    events = []
    for _ in range(draw(st.integers(0, 3))):
        arguments = tuple(
            Argument(draw(st.text(min_size=1, max_size=5)), piece()) for _ in range(draw(st.integers(0, 3)))
        )
        told = draw(st.sampled_from(["asserted", "other"])), draw(st.sampled_from(["positive", "negative", "<'"]))
        events.append(Event(draw(names), piece(), arguments, *told, score=draw(st.floats(0, 1))))
    return Document(
        text, tuple(events), (Sentence(0, len(text), text, tuple(e.type for e in events)),), draw(st.text())
    )


@settings(deadline=None)
@given(documents())
def test_every_span_is_shown_in_html(document: Document) -> None:
    source = html(document, sentences=True)
    page = Page(source)
    source.encode("utf-8", "backslashreplace")
    assert page.texts("p", "text") == [document.text]
    cell_texts = page.texts("bdi")
    lines = page.texts("p", "line")
    assert len(lines) == len(document.events)
    for event, line in zip(document.events, lines, strict=True):
        for one in (event.trigger, *(argument.span for argument in event.arguments)):
            assert one.text in cell_texts
            assert one.text in line


@settings(deadline=None)
@given(documents(), st.integers(20, 120))
def test_whatever_the_text_the_terminal_shows_printable_lines(document: Document, width: int) -> None:
    for output in (shown(document, width), shown(document, width, sentences=True)):
        output.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", output)


@settings(deadline=None)
@given(documents())
def test_every_span_is_shown_in_a_wide_terminal(document: Document) -> None:
    squeezed = re.sub(r"\s", "", shown(document, 1000))
    for event in document.events:
        for one in (event.trigger, *(argument.span for argument in event.arguments)):
            plain = re.sub(
                "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
                lambda match: match[0].encode("unicode_escape").decode(),
                one.text,
            )
            assert re.sub(r"\s", "", plain) in squeezed
