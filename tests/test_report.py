"""The report page: its numbers are those of the metrics, its pictures are drawn where the numbers say, text stays text."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from ahdath import inference, report
from ahdath.cli import app
from ahdath.corpus import write_jsonl
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.report import figures
from ahdath.report.curves import LearningCurves, read_curves
from ahdath.report.dates import timeline
from ahdath.report.words import WORDS
from ahdath.schema import Document, Event, Span
from ahdath.scores import Score

TEXT = "قصفت القوات حلب ثم قصفت إدلب"


def attack(start: int = 0, kind: str = "Conflict.Attack", score: float = 1.0) -> Event:
    return Event(kind, Span.of(TEXT, start, start + 4), score=score)


def document(*events: Event, id: str = "a", **meta: Any) -> Document:
    return Document(TEXT, events, id=id, meta=meta)


SECOND = TEXT.rindex("قصفت")
GOLD = [document(attack(), attack(SECOND), date="2024-01-31"), document(attack(), id="b", date="2024-03")]
ANSWERS = [
    document(attack(score=0.9), attack(SECOND, "Conflict.Threaten", 0.6)),
    document(attack(score=0.8), attack(SECOND, "Life.Die", 0.3), id="b"),
]


class Table:
    """A table of the page: caption, head and rows as text."""

    def __init__(self, source: str) -> None:
        tree = ElementTree.fromstring(source)
        self.caption = "".join(tree.find("caption").itertext())  # type: ignore[union-attr]
        self.head = ["".join(cell.itertext()) for cell in tree.iterfind("thead/tr/th")]
        self.rows = [["".join(cell.itertext()) for cell in row] for row in tree.iterfind("tbody/tr")]


def tables(page: str) -> dict[str, Table]:
    found = [Table(source) for source in re.findall(r"<table>.*?</table>", page, re.DOTALL)]
    assert len({table.caption for table in found}) == len(found)
    return {table.caption: table for table in found}


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(source) for source in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


# ---------------------------------------------------------------------- the page


def test_tables_hold_what_the_metrics_say() -> None:
    found = tables(report.html(GOLD, ANSWERS, names="en", bootstrap=0))
    # TC: 3 gold, 4 predicted, 2 right.
    assert ["TC", "3", "4", "2", "50.0", "66.7", "57.1", ""] in found["Scores"].rows
    assert found["Scores by type"].rows == [
        ["Conflict.Attack", "3", "2", "2", "100.0", "66.7", "80.0", ""],
        ["Conflict.Threaten", "0", "1", "0", "0.0", "0.0", "0.0", ""],
        ["Life.Die", "0", "1", "0", "0.0", "0.0", "0.0", ""],
    ]
    assert found["Confusion of event types"].rows == [
        ["none", "Life.Die", "1"],
        ["Conflict.Attack", "Conflict.Threaten", "1"],
    ]
    assert found["Events"].rows == [
        ["0.27–0.33", "1", "30.0", "0.0"],
        ["0.53–0.60", "1", "60.0", "0.0"],
        ["0.73–0.80", "1", "80.0", "100.0"],
        ["0.87–0.93", "1", "90.0", "100.0"],
    ]
    assert found["Attribute"].rows == [["modality", "2", "100.0"], ["polarity", "2", "100.0"]]


def test_events_over_time_are_counted_by_type_and_month() -> None:
    found = tables(report.html(GOLD, ANSWERS, names="en", bootstrap=0))["Events over time"]
    assert found.head == ["Type", "2024-01", "2024-02", "2024-03", "all"]
    assert found.rows == [
        ["Conflict.Attack", "1", "0", "1", "2"],
        ["Conflict.Threaten", "1", "0", "0", "1"],
        ["Life.Die", "0", "0", "1", "1"],
        ["gold events", "2", "0", "1", "3"],
    ]


def test_the_page_needs_nothing_from_elsewhere_and_reads_in_arabic() -> None:
    page = report.html(GOLD, ANSWERS, bootstrap=20)
    assert page.startswith('<!DOCTYPE html>\n<html lang="ar" dir="rtl">')
    assert not re.search(r"<script|<link|<img|src=|href=|@import|url\(|https?:", page)
    assert "هجوم" in page
    assert "Conflict.Attack" not in page
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)  # every place in the words is filled
    assert TEXT not in page
    assert report.html(GOLD, ANSWERS, bootstrap=20) == page


def test_every_picture_says_what_it_shows_and_has_a_table() -> None:
    curves = LearningCurves("paragraphs", "TC F1", {"random": [(100, 0.4), (100, 0.6), (200, 0.7)]})
    page = report.html(GOLD, ANSWERS, curves=curves, names="en", bootstrap=0)
    drawn = pictures(page)
    assert [svg.get("aria-label", "").partition(".")[0] for svg in drawn] == [
        "Scores by type", "Confusion of event types", "Calibration: Events", "Learning curve", "Events over time",
    ]  # fmt: skip
    assert all(svg.get("role") == "img" for svg in drawn)
    assert page.count("<figcaption>") == len(drawn)
    assert tables(page)["Learning curve"].head == ["Curve", "paragraphs", "Median (TC F1)", "Lowest–highest"]
    assert tables(page)["Learning curve"].rows == [
        ["random", "100", "50.0", "40.0–60.0"],
        ["random", "200", "70.0", "70.0–70.0"],
    ]
    assert "Nothing was predicted." in page  # no arguments


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["ar"].keys() == WORDS["en"].keys()
    for key, english in WORDS["en"].items():
        assert Counter(re.findall(r"{\w+}", english)) == Counter(re.findall(r"{\w+}", WORDS["ar"][key])), key
    with pytest.raises(ConfigError, match="names 'fr': expected 'ar' or 'en'"):
        report.html(GOLD, ANSWERS, names="fr")  # type: ignore[arg-type]


def test_rare_confusions_are_folded_but_not_lost() -> None:
    kinds = [name for name in Ontology.default().type_names if name != "Conflict.Attack"][:25]
    gold = [document(attack(), id=str(n)) for n in range(25)]
    found = tables(
        report.html(gold, [document(attack(kind=k), id=str(n)) for n, k in enumerate(kinds)], names="en", bootstrap=0)
    )
    shown, folded = found["Confusion of event types"].rows, found["Rarer confusions"].rows
    assert (len(shown), len(folded)) == (20, 5)
    assert {row[1] for row in shown + folded} == set(kinds)


def test_hostile_names_and_titles_stay_text() -> None:
    hostile = "<script>x</script>\"'&"
    gold = [document(attack(kind=hostile))]
    curves = LearningCurves(hostile, hostile, {hostile: [(1, 0.5)]})
    page = report.html(gold, gold, curves=curves, title=hostile, bootstrap=0)
    assert "<script" not in page
    assert [row[0] for row in tables(page)["النتائج بحسب النوع"].rows] == [hostile]
    assert "<title>&lt;script&gt;" in page
    assert any(hostile in "".join(svg.itertext()) for svg in pictures(page))


def test_nothing_found_and_no_dates_are_said() -> None:
    empty = [document()]
    page = report.html(empty, empty, names="en", bootstrap=0)
    assert page.count("Nothing was predicted.") == 2
    assert "No document has a date in meta.date" in page
    assert [svg.get("aria-label", "").partition(".")[0] for svg in pictures(page)] == [
        "Scores by type",
        "Confusion of event types",
    ]
    with pytest.raises(DataError, match="the texts differ"):
        report.html(empty, [Document("نص آخر", id="a")])


# ---------------------------------------------------------------------- pictures


def rects(svg: str) -> list[tuple[float, float, float, float]]:
    names = ("x", "y", "width", "height")
    return [tuple(float(one.get(n, "nan")) for n in names) for one in ElementTree.fromstring(svg).iterfind("rect")]  # type: ignore[misc]


def test_bars_are_as_long_as_the_score_and_mirrored_for_arabic() -> None:
    rows = [("هجوم", Score(2, 2, 1, (0.25, 0.75))), ("لقاء", Score(2, 2, 2))]
    left, right = (figures.bars(rows, "t", "a", rtl=rtl) for rtl in (False, True))
    widths = [width for _, _, width, _ in rects(left)]
    assert widths == [210.0, 420.0]
    whole = float(ElementTree.fromstring(left).get("viewBox", "").split()[2])
    for (x, y, width, height), mirrored in zip(rects(left), rects(right), strict=True):
        assert mirrored == pytest.approx((whole - x - width, y, width, height), abs=1)
    assert 'points="' in left
    assert left.count("<polyline") == 6 + 1  # ticks, and one interval


def test_the_matrix_puts_gold_in_rows_and_colours_by_share() -> None:
    svg = figures.matrix(["هجوم", "تهديد"], {(0, 0): 3, (0, 1): 1}, ("gold", "predicted"), "t", "a", rtl=False)
    (x0, y0, side, _), (x1, y1, _, _) = rects(svg)
    assert (y0, x1 - x0) == (y1, side)
    assert "هجوم → هجوم: 3 (75 %)" in svg
    assert "هجوم → تهديد: 1 (25 %)" in svg
    assert "hsl(150 60% 50% / 0.78)" in svg
    assert "hsl(12 60% 50% / 0.34)" in svg


def test_columns_are_stacked_up_to_their_sum() -> None:
    series = {"هجوم": [2, 0], "لقاء": [1, 3]}
    found = rects(figures.columns(["2024-01", "2024-02"], series, ("gold", [3, 4]), "t", "a"))[:3]
    unit = 220 / 4
    assert [round(height / unit) for *_, height in found] == [2, 1, 3]
    (_, y0, _, h0), (_, y1, _, h1), _ = found
    assert y0 + h0 == pytest.approx(230)
    assert y1 + h1 == pytest.approx(y0)


def test_reliability_dots_stand_at_score_and_accuracy() -> None:
    bins = [score([GOLD[0]], [ANSWERS[0]], bootstrap=0).calibration["event"].bins[-1]]
    svg = ElementTree.fromstring(figures.reliability(bins, ("score", "right"), "t", "a"))
    (dot,) = svg.iterfind("circle")
    assert (float(dot.get("cx", "0")), float(dot.get("cy", "0"))) == (60 + 260 * 0.9, 10.0)


# ---------------------------------------------------------------------- dates


def test_dates_are_iso_with_or_without_day_and_time() -> None:
    given = [
        "2023-12",
        "2024-02-29",
        "2024-01-05T10:00:00Z",
        " 2024-01-05 08:30:00+03:00 ",
        "5 مايو",
        2024,
        "2024-13",
        None,
    ]
    documents = [document(attack(), id=str(n), **({} if d is None else {"date": d})) for n, d in enumerate(given)]
    found = timeline([(one, document(id=one.id)) for one in documents])
    assert found.periods == ("2023-12", "2024-01", "2024-02")
    assert (found.dated, found.undated, found.unread) == (4, 1, 3)
    assert found.gold == {
        ("2023-12", "Conflict.Attack"): 1,
        ("2024-01", "Conflict.Attack"): 2,
        ("2024-02", "Conflict.Attack"): 1,
    }
    assert found.types() == ["Conflict.Attack"]


def test_the_date_of_an_answer_counts_where_gold_has_none_and_long_times_are_years() -> None:
    first, last = document(attack(), date="2019-05-01"), document(attack(), id="b", date="2023-01-01")
    found = timeline([(replace(first, meta={}), first), (replace(last, meta={"date": None}), last)])
    assert found.periods == ("2019", "2020", "2021", "2022", "2023")
    assert found.predicted == {("2019", "Conflict.Attack"): 1, ("2023", "Conflict.Attack"): 1}


# ---------------------------------------------------------------------- learning curves


def test_curves_are_read_and_their_seeds_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    row = {"x": "paragraphs", "y": "TC F1", "curves": {"عشوائي": [[200, 0.5], [100, 0.2], [100, 0.4], [100, 0.3]]}}
    path.write_text(json.dumps(row), encoding="utf-8")
    assert read_curves(path).spread("عشوائي") == [(100, 0.3, 0.2, 0.4), (200, 0.5, 0.5, 0.5)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "cannot be read"),
        ("\udcff", "cannot be read"),
        ("[]", "expected an object like"),
        ('{"x": "p", "y": "F1"}', "expected an object like"),
        ('{"x": "p", "y": "F1", "curves": {"a": []}}', "expected an object like"),
        ('{"x": "p", "y": "F1", "curves": {"a": [[1]]}}', r"curve 'a': expected points \[x, y\]"),
        ('{"x": "p", "y": "F1", "curves": {"a": [[1, true]]}}', r"expected points \[x, y\]"),
        ('{"x": "p", "y": "F1", "curves": {"a": [[1, 41.0]]}}', "y from 0 to 1, found"),
        ('{"x": "p", "y": "F1", "curves": {"a": [[-1, 0.4]]}}', "x from 0 up"),
    ],
)
def test_other_files_are_refused(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=f"curves.json: .*{told}"):
        read_curves(path)


# ---------------------------------------------------------------------- the command


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, args)], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name, documents in (("gold", GOLD), ("pred", ANSWERS)):
        rows = (json.dumps(one.to_dict(), ensure_ascii=False) + "\n" for one in documents)
        (tmp_path / f"{name}.jsonl").write_text("".join(rows), encoding="utf-8")
    return tmp_path / "gold.jsonl", tmp_path / "pred.jsonl"


def test_the_command_writes_the_page(files: tuple[Path, Path], tmp_path: Path) -> None:
    gold, pred = files
    (tmp_path / "c.json").write_text('{"x": "paragraphs", "y": "F1", "curves": {"a": [[1, 0.5]]}}', encoding="utf-8")
    target = tmp_path / "report.html"
    result = run("--gold", gold, "--pred", pred, "-o", target, "--learning-curve", tmp_path / "c.json", "--names", "en",
                 "--title", "May", "--bootstrap", "5")  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, f"{target}: 2 documents\n")
    curves = LearningCurves("paragraphs", "F1", {"a": [(1, 0.5)]})
    expected = report.html(GOLD, ANSWERS, curves=curves, names="en", title="May", bootstrap=5)
    assert target.read_text(encoding="utf-8") == expected


def test_a_model_reads_the_texts_where_no_answers_are_given(
    documents: list[Document], embedded: EventExtractor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def load(name: str | None = None) -> EventExtractor:
        asked.append(name)
        return embedded

    monkeypatch.setattr(inference.EventExtractor, "from_pretrained", staticmethod(load))
    write_jsonl(tmp_path / "gold.jsonl", documents)
    for model in ((), ("--model", "runs/mine")):
        result = run("-g", tmp_path / "gold.jsonl", "-o", tmp_path / "report.html", "--bootstrap", "0", *model)
        assert result.exit_code == 0, result.output
    assert asked == [None, "runs/mine"]
    answers = list(embedded.classify_many(document.text for document in documents))
    expected = report.html(documents, answers, ontology=embedded.ontology, bootstrap=0)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == expected


def test_the_command_refuses_what_it_cannot_do(files: tuple[Path, Path], tmp_path: Path) -> None:
    gold, pred = files
    both = run("-g", gold, "-p", pred, "--model", "x", "-o", tmp_path / "r.html")
    assert (both.exit_code, "expected one of them, found both" in both.stderr) == (2, True)
    over = run("-g", gold, "-p", pred, "-o", pred)
    assert (over.exit_code, "expected another file than those that are read" in over.stderr) == (2, True)
    assert pred.read_text(encoding="utf-8").count("\n") == 2
    lost = run("-g", gold, "-p", tmp_path / "none.jsonl", "-o", tmp_path / "r.html")
    assert lost.exit_code == 2
    assert not (tmp_path / "r.html").exists()
