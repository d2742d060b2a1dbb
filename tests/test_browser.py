"""The pages as a real browser lays them out: order and place of the spans, and hostile text that stays text.

Chromium runs without a window and prints the page after a script of the test has written what it measured into it. Where
there is no Chromium the tests are skipped, but fail where `CI` is set: there it must be installed.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ahdath import render, report
from ahdath.corpus import read_jsonl
from ahdath.schema import Argument, Document, Event, Span

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
Measure = Callable[..., Any]

# The boxes of elements: where the letters of their own text stand, whether they are what one sees there, how they look.
BOXES = """
const boxes = selector => [...document.querySelectorAll(selector)].map(element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const rects = [...range.getClientRects()].filter(r => r.width > 0);
  const own = element.getBoundingClientRect(), first = rects[0] || own, style = getComputedStyle(element);
  const seen = document.elementFromPoint(first.left + first.width / 2, first.top + first.height / 2);
  return {text: element.textContent, left: first.left, right: first.right, top: first.top, bottom: first.bottom,
    lines: new Set(rects.map(r => Math.round(r.top / 8))).size, seen: seen === element || element.contains(seen),
    inside: own.left <= first.left + 1 && first.right <= own.right + 1,
    background: style.backgroundColor, label: getComputedStyle(element, '::after').content};
});
"""


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """`measure(page, expression)`: the value of a JavaScript expression on that page, in a window so wide."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        told = f"no browser: expected one of {', '.join(BROWSERS)}; apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)

    def run(page: str, expression: str, width: int = 1280) -> Any:
        write = f"""<script>{BOXES}
const found = new TextEncoder().encode(JSON.stringify({expression}));
const output = document.createElement('output');
output.id = 'measured';
output.textContent = btoa(Array.from(found, byte => String.fromCharCode(byte)).join(''));
document.body.append(output);</script>"""
        path = tmp_path / "page.html"
        path.write_text(page + write, encoding="utf-8", errors="backslashreplace")
        command = [
            browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},2000", "--hide-scrollbars", "--dump-dom",
            path.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        printed = re.search(r'<output id="measured">([^<]*)</output>', done.stdout.decode("utf-8"))
        assert printed, done.stderr.decode("utf-8", "replace")[-2000:]
        return json.loads(base64.b64decode(printed[1]))

    return run


def span(words: str, text: str) -> Span:
    start = text.index(words)
    return Span(start, start + len(words), words)


def event(kind: str, text: str, trigger: str, *arguments: tuple[str, str]) -> Event:
    return Event(kind, span(trigger, text), tuple(Argument(role, span(words, text)) for role, words in arguments))


TEXT = "اغتال مسلحون الوزير في حلب أمس، ثم هاجم الجيش 12 موقعا لهم قرب الحدود."
EVENTS = (
    event(
        "Conflict.Attack", TEXT, "اغتال", ("Agent", "مسلحون"), ("Target", "الوزير"), ("Place", "حلب"), ("Time", "أمس")
    ),
    event("Conflict.Attack", TEXT, "هاجم", ("Agent", "الجيش"), ("Target", "12 موقعا"), ("Place", "الحدود")),
)
SPANS = ["اغتال", "مسلحون", "الوزير", "حلب", "أمس", "هاجم", "الجيش", "12 موقعا", "الحدود"]
MARKS = "boxes('.text mark')"


def assert_right_to_left(boxes: list[dict[str, Any]]) -> None:
    """In reading order every box is further left on its line, or on a line further down."""
    for one, after in pairwise(boxes):
        same_line = abs(one["bottom"] - after["bottom"]) < 12
        assert after["right"] <= one["left"] + 1 if same_line else after["top"] > one["top"], (one, after)


def test_spans_stand_in_reading_order_from_right_to_left(measure: Measure) -> None:
    found = measure(render.html(Document(TEXT, EVENTS)), MARKS)
    assert [box["text"] for box in found] == SPANS
    assert all(box["inside"] and box["seen"] and box["lines"] == 1 for box in found)
    assert_right_to_left(found)
    assert found[0]["right"] > 1200  # the first word begins at the right edge of the page
    triggers = [box for box in found if box["background"] != "rgba(0, 0, 0, 0)"]
    assert [box["text"] for box in triggers] == ["اغتال", "هاجم"]
    assert [box["label"] for box in found[:2]] == ['"1 هجوم"', '"1"']


def test_in_a_narrow_window_lines_go_down_and_the_table_below(measure: Measure) -> None:
    found = measure(render.html(Document(TEXT, EVENTS)), f"[{MARKS}, boxes('section')]", width=520)
    marks, (text, table) = found
    assert len({round(box["bottom"] / 12) for box in marks}) > 1
    assert_right_to_left(marks)
    assert table["top"] > text["bottom"] - 1


def test_the_table_stands_left_of_the_text(measure: Measure) -> None:
    own = "[...document.querySelectorAll('section')].map(s => s.getBoundingClientRect().toJSON())"
    found = measure(render.html(Document(TEXT, EVENTS)), f"[{own}, boxes('th')]")
    (text, table), head = found
    assert table["right"] <= text["left"]
    assert abs(table["top"] - text["top"]) < 1
    assert [box["text"] for box in head] == ["رقم", "النوع", "اللفظ", "كيف ذُكر", "الأطراف"]
    assert_right_to_left(head)


def test_the_founding_article_is_laid_out_as_it_reads(measure: Measure) -> None:
    documents = read_jsonl(ROOT / "seeds" / "article.jsonl")
    page = render.html(documents, names="en")
    texts, marks, triggers = measure(
        page, f"[boxes('.text').map(b => b.text), {MARKS}, boxes('.events td:nth-child(3) bdi')]"
    )
    assert texts == [document.text for document in documents]
    assert len(marks) > 100
    assert all(box["inside"] for box in marks)
    assert_right_to_left([box for box in marks if box["lines"] == 1])
    assert [box["text"] for box in triggers if " " not in box["text"] and box["lines"] > 1] == []  # no word is split


def test_hostile_text_stays_text(measure: Measure) -> None:
    text = (
        "قصفت <script>window.caught=1</script> \"><img src=x onerror='window.caught=2'> </mark></p></article>"
        " القوات &lt;b&gt; {{7*7}} <svg onload=window.caught=3> حلب"
    )
    name = "\"><img src=x onerror='window.caught=4'>"
    acting = Event(
        name,
        span("قصفت", text),
        (Argument(name, span("القوات", text)), Argument("Place", span("حلب", text))),
        name,
        name,
    )
    document = Document(text, (acting,), id=name, model=name, ontology=name)
    for page in (render.html(document), render.fragment(document, names="en")):
        found = measure(
            page,
            "{caught: window.caught ?? null, texts: boxes('.text').map(b => b.text), marks: boxes('.text mark').map(b => b.text),"
            " foreign: document.querySelectorAll('img, svg, iframe, b, article script').length,"
            " scripts: document.querySelectorAll('script').length, heading: document.querySelector('h2').textContent}",
        )
        assert found == {
            "caught": None,
            "texts": [text],
            "marks": ["قصفت", "القوات", "حلب"],
            "foreign": 0,
            "scripts": 1,  # the measuring one
            "heading": name,
        }


@pytest.mark.parametrize("control", ["\u202d", "\u202a", "\u2066", "\u202e"])
def test_a_bidi_control_inside_a_span_turns_nothing_outside(control: str, measure: Measure) -> None:
    text = f"اتهم {control}الوزير خصومه في حلب بالفساد"
    accused = event(
        "Diplomacy.Accuse",
        text,
        "اتهم",
        ("Agent", f"{control}الوزير"),
        ("Target", "خصومه"),
        ("Place", "حلب"),
        ("Topic", "بالفساد"),
    )
    found = measure(render.html(Document(text, (accused,))), MARKS)
    assert [box["text"] for box in found] == ["اتهم", f"{control}الوزير", "خصومه", "حلب", "بالفساد"]
    assert_right_to_left(found)


def test_the_controls_are_measured_at_all(measure: Measure) -> None:
    """Without the isolation of marks the override would swap them: so the test above can fail."""
    text = "اتهم \u202dالوزير خصومه في حلب"
    accused = event("Diplomacy.Accuse", text, "اتهم", ("Agent", "\u202dالوزير"), ("Target", "خصومه"), ("Place", "حلب"))
    page = render.html(Document(text, (accused,))).replace("unicode-bidi: isolate", "unicode-bidi: normal")
    _, minister, rivals, aleppo = measure(page, MARKS)
    assert minister["right"] <= rivals["left"] < rivals["right"] <= aleppo["left"]


def test_a_notebook_around_a_piece_is_untouched_and_the_piece_readable(measure: Measure) -> None:
    outer = (
        "<!DOCTYPE html><style>.nb table { color: rgb(1, 2, 3) } .nb tbody tr:nth-child(odd) { background: rgb(9, 9, 9) }"
        ".nb td { text-align: right; vertical-align: middle }</style>"
        '<body class="nb" style="margin: 8px; background: rgb(17, 17, 17)"><table id="theirs"><tr><td>1</td></tr></table>'
    )
    looks = (
        "['body', '#theirs td', '#theirs tr', '.ahdath', '.ahdath .events tr', '.ahdath .events td:last-child'].map(s => {"
        "const c = getComputedStyle(document.querySelector(s)); return [c.color, c.backgroundColor, c.textAlign, c.direction]; })"
    )
    alone = measure(outer, looks.replace(", '.ahdath', '.ahdath .events tr', '.ahdath .events td:last-child'", ""))
    found = measure(outer + Document(TEXT, EVENTS)._repr_html_(), looks)
    assert found[:3] == alone
    (ink, paper, _, direction), row, cell = found[3:]
    assert (ink, paper, direction) == ("rgb(29, 33, 41)", "rgb(251, 251, 249)", "rtl")
    assert row[1] == "rgba(0, 0, 0, 0)"
    assert cell[0] == ink
    assert cell[2] == "start"


def test_names_in_the_report_are_readable(measure: Measure) -> None:
    gold = [
        Document(TEXT, EVENTS, id="a", meta={"date": "2024-05-01"}),
        Document("توفي شيخ.", (event("Life.Die", "توفي شيخ.", "توفي"),), id="b"),
    ]
    answers = [
        Document(TEXT, EVENTS[:1], id="a"),
        Document("توفي شيخ.", (event("Life.Injure", "توفي شيخ.", "توفي"),), id="b"),
    ]
    curves = report.LearningCurves(
        "paragraphs", "TC F1", {"</svg><script>window.caught=1</script>": [(100, 0.4), (200, 0.5)]}
    )
    for names in ("ar", "en"):
        page = report.html(
            gold, answers, curves=curves, names=names, title="<img src=x onerror=window.caught=2>", bootstrap=0
        )
        found = measure(
            page,
            "{caught: window.caught ?? null, scripts: document.querySelectorAll('script').length,"
            " images: document.querySelectorAll('img').length,"
            " texts: [...document.querySelectorAll('svg')].flatMap(svg => { const box = svg.getBoundingClientRect();"
            "   return [...svg.querySelectorAll('text')].map(t => { const r = t.getBoundingClientRect();"
            "     return {text: t.textContent, left: r.left, right: r.right, inside: r.left >= box.left - 1 && r.right <= box.right + 1"
            "       && r.top >= box.top - 1 && r.bottom <= box.bottom + 1}; }); }),"
            " bars: [...document.querySelectorAll('.types rect')].map(r => r.getBoundingClientRect().toJSON())}",
        )
        assert (found["caught"], found["scripts"], found["images"]) == (None, 1, 0)
        assert [one["text"] for one in found["texts"] if not one["inside"]] == []
        attack = next(one for one in found["texts"] if one["text"] == ("هجوم" if names == "ar" else "Conflict.Attack"))
        if names == "ar":
            assert attack["left"] >= found["bars"][0]["right"]
        else:
            assert attack["right"] <= found["bars"][0]["left"]
