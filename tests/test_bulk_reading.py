"""Inputs of every format: rows, places to go on from, bad rows; and how they are cut into shards."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ahdath.bulk import reading
from ahdath.bulk.inputs import Source, find_sources, fingerprinted
from ahdath.bulk.plan import Problem, Shard, ShardReader, cut, read_plan, write_plan
from ahdath.bulk.reading import BEGIN, Raw, Row, records, row_of
from ahdath.bulk.settings import LabelSettings
from ahdath.errors import ConfigError, DataError
from ahdath.textfiles import read_paragraphs

PLAIN = LabelSettings()


def source(path: Path, content: bytes | None = None, settings: LabelSettings = PLAIN) -> Source:
    if content is not None:
        path.write_bytes(content)
    found, _ = find_sources([str(path)], path.parent / "out", settings)
    return next(iter(fingerprinted(found)))


def raws(one: Source, settings: LabelSettings = PLAIN) -> list[Raw]:
    return [raw for step in records(one, settings) for raw in step.rows]


def read(one: Source, settings: LabelSettings = PLAIN) -> list[Row | tuple[int, str]]:
    """Rows, and (line, problem) for bad ones."""
    found: list[Row | tuple[int, str]] = []
    for raw in raws(one, settings):
        try:
            found.append(row_of(raw, one, settings))
        except DataError as error:
            found.append((raw.row, str(error)))
    return found


def table(path: Path, columns: dict[str, Any], **options: Any) -> Source:
    parquet.write_table(pa.table(columns), path, **options)
    return source(path)


TEXT = "\ufeffقصفت حلب.\r\n\n  وصل الوفد 😀 إلى جنيف.  \u2028ثم غادر.\n\u200f\nالخاتمة".encode()
JSON = b'\xef\xbb\xbf{"id": 1, "text": "a"}\n\n{"text": "b\\nc"}\r\n{bad\n{"id": "x", "text": ""}'
CSV = 'id,text\n1,"قال: ""نعم""، ثم\nسكت"\n\n,ب\n3,ج'.encode()


@pytest.fixture(params=["txt", "jsonl", "csv", "parquet"])
def any_source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    path = tmp_path / f"a.{request.param}"
    if request.param == "parquet":
        return table(path, {"text": [f"خبر {n}" for n in range(7)], "other": list(range(7))}, row_group_size=3)
    return source(path, {"txt": TEXT, "jsonl": JSON, "csv": CSV}[request.param])


def test_reading_goes_on_from_any_place(any_source: Source) -> None:
    steps = list(records(any_source, PLAIN))
    assert len([raw for step in steps for raw in step.rows]) >= 3
    for number, step in enumerate(steps, 1):
        assert list(records(any_source, PLAIN, step.next)) == steps[number:]


@pytest.mark.parametrize("shard_rows", [1, 2, 3, 100])
def test_every_row_is_in_one_shard(any_source: Source, tmp_path: Path, shard_rows: int) -> None:
    other = source(tmp_path / "b.txt", "أول\nثان\nثالث".encode())
    empty = source(tmp_path / "c.csv", b"")
    sources, settings = [any_source, empty, other], LabelSettings(shard_rows=shard_rows)
    problems: list[Problem] = []
    count, rows = write_plan(tmp_path / "plan", cut(sources, settings, problems))
    shards = list(read_plan(tmp_path / "plan"))
    every = [(one, raw) for one in sources for raw in raws(one)]
    assert (len(shards), rows, problems) == (count, len(every), [])
    assert all(shard.rows <= shard_rows + 1 for shard in shards)  # a line may hold two paragraphs
    one_after_the_other = ShardReader(sources, settings)
    assert [row for shard in shards for row in one_after_the_other.rows(shard)] == every
    apart = {shard.number: list(ShardReader(sources, settings).rows(shard)) for shard in reversed(shards)}
    assert [row for shard in shards for row in apart[shard.number]] == every


def test_shards_of_long_texts_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdath.bulk.plan._SHARD_BYTES", 60)
    one = source(tmp_path / "a.txt", b"\n".join([b"x" * 40] * 6))
    assert [shard.rows for shard in cut([one], PLAIN, [])] == [2, 2, 2]
    same = table(tmp_path / "a.parquet", {"text": ["x" * 40] * 4})
    assert [shard.rows for shard in cut([same], PLAIN, [])] == [1, 1, 1, 1]


def test_paragraphs_are_those_of_classify(tmp_path: Path) -> None:
    one = source(tmp_path / "a.txt", TEXT)
    expected = [(p.start, p.text) for p in read_paragraphs([one.path])]
    rows = [row for row in read(one) if isinstance(row, Row)]
    assert [(row.start, row.text) for row in rows] == expected
    assert [row.id for row in rows] == [f"{one.name}#{start}" for start, _ in expected]
    assert [row.row for row in rows] == [1, 3, 3, 5]


def test_a_damaged_line_costs_itself_only(tmp_path: Path) -> None:
    one = source(tmp_path / "a.txt", "أول\n".encode() + b"\xd8\n" + "ثالث".encode())
    assert read(one) == [
        Row(f"{one.name}#0", "أول", one.name, 1, 0),
        (2, "expected UTF-8, found d8 at byte 0 of it; convert it"),
        Row(f"{one.name}#6", "ثالث", one.name, 3, 6),
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.tsv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_in_another_unicode_is_a_problem_as_a_whole(name: str, encoding: str, tmp_path: Path) -> None:
    good = source(tmp_path / "good.txt", "أول".encode())
    bad = source(tmp_path / name, "text\nقصفت حلب\n".encode(encoding))
    problems: list[Problem] = []
    assert [shard.rows for shard in cut([good, bad, good], PLAIN, problems)] == [1, 1]
    wide = encoding.upper()
    told = f"expected UTF-8, found {wide} by its first bytes; convert it: iconv -f {wide} -t UTF-8"
    assert problems == [Problem(bad.name, told)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", b"a\nb\0c\nd"), ("a.csv", b"text\na\nb\0c\nd"), ("a.jsonl", b'{"text": "a"}\n{"text": "b\0"}\n{"text": "d"}')],
)
def test_a_row_with_nul_is_no_text(name: str, content: bytes, tmp_path: Path) -> None:
    first, bad, last = read(source(tmp_path / name, content))
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert (first.text, last.text) == ("a", "d")
    assert not isinstance(bad, Row)
    assert "found 00 at byte" in bad[1] or "found the byte 00" in bad[1] or "NUL" in bad[1]


def test_a_file_may_be_a_document(tmp_path: Path) -> None:
    settings = LabelSettings(whole_files=True)
    one = source(tmp_path / "a.txt", "أول\n\nثان\n".encode(), settings)
    assert read(one, settings) == [Row(one.name, "أول\n\nثان\n", one.name, 1, 0)]
    bad = source(tmp_path / "b.txt", b"\xff", settings)
    assert read(bad, settings) == [(1, "expected UTF-8, found ff at byte 0 of it; convert it")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "expected one JSON object, found '{'"),
        (b"[1]", "expected one JSON object, found [1]"),
        (b'{"id": 1}', "expected the key 'text', found ['id']"),
        (b'{"text": null}', "expected a text in 'text', found nothing"),
        (b'{"text": 5}', "expected a text in 'text', found 5"),
        (b'{"text": "\xff"}', "expected UTF-8, found ff at byte 10"),
        (b'{"text": "a\\udcffb"}', "replace the lone surrogate at 1"),
        (b'{"text": "a", "id": [1]}', "expected a text, number or date in 'id', found [1]"),
        (b"[" * 100_000, "expected one JSON object, found '[["),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", ""),
    ],
)
def test_bad_json_lines(line: bytes, told: str, tmp_path: Path) -> None:
    one = source(tmp_path / "a.jsonl", b'{"text": "first"}\n' + line + b'\n{"text": "last"}')
    first, bad, last = read(one)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert (first.text, last.text, last.row) == ("first", "last", 3)
    if told:
        assert not isinstance(bad, Row)
        assert bad[0] == 2
        assert told in bad[1]


def test_ids_are_those_of_the_rows_or_made(tmp_path: Path) -> None:
    one = source(tmp_path / "a.jsonl", JSON)
    assert [row.id for row in read(one) if isinstance(row, Row)] == ["1", f"{one.name}#3", "x"]
    strict = LabelSettings(id_column="key")
    named = source(tmp_path / "b.jsonl", b'{"key": "k", "text": "a"}\n{"id": 2, "text": "b"}')
    assert read(named, strict) == [Row("k", "a", named.name, 1, None), (2, "expected an id in 'key', found nothing (None)")]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([1.0, 2.0, None]), ["1", "2", None]),
        (pa.array([1.0, float("nan"), 2.5]), ["1", None, "2.5"]),
        (pa.array([date(2024, 5, 1), None]), ["2024-05-01", None]),
        (pa.array([datetime(2024, 5, 1, 6, 30)]), ["2024-05-01 06:30:00"]),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (pa.array([2**60], pa.timestamp("us")), [""]),
        (pa.array([Decimal("12.50"), None]), ["12.50", None]),
        (pa.array([UUID(int=5).bytes], pa.uuid()), ["00000000-0000-0000-0000-000000000005"]),
        (pa.array([b"k1", b"\xff\x00"]), ["k1", "ff00"]),
    ],
)
def test_ids_of_parquet_are_made_text_and_cost_no_row(ids: pa.Array, expected: list[str | None], tmp_path: Path) -> None:
    one = table(tmp_path / "a.parquet", {"id": ids, "text": ["خبر"] * len(ids)})
    found = read(one)
    assert all(isinstance(row, Row) for row in found)
    for number, (row, name) in enumerate(zip(found, expected, strict=True), 1):
        assert isinstance(row, Row)
        assert name == "" or row.id == (name or f"{one.name}#{number}")


def test_an_id_that_is_no_name_costs_its_row(tmp_path: Path) -> None:
    one = table(tmp_path / "a.parquet", {"id": [True, None], "text": ["خبر"] * 2})
    assert read(one) == [
        (1, "expected a text, number or date in 'id', found True"), Row(f"{one.name}#2", "خبر", one.name, 2, None),
    ]  # fmt: skip
    missing = table(tmp_path / "b.parquet", {"key": [1.0, None], "text": ["خبر"] * 2})
    assert read(missing, LabelSettings(id_column="key"))[1] == (2, "expected an id in 'key', found nothing (None)")


def test_csv_rows(tmp_path: Path) -> None:
    one = source(tmp_path / "a.csv", CSV)
    assert read(one) == [
        Row("1", 'قال: "نعم"، ثم\nسكت', one.name, 2, None),
        Row(f"{one.name}#5", "ب", one.name, 5, None),
        Row("3", "ج", one.name, 6, None),
    ]
    tabs = source(tmp_path / "a.tsv", b"\xef\xbb\xbftext\tn\na,b\t1\n")
    assert read(tabs) == [Row(f"{tabs.name}#2", "a,b", tabs.name, 2, None)]
    long = source(tmp_path / "long.csv", b"text\n" + b"x" * 200_000)
    assert [len(row.text) for row in read(long) if isinstance(row, Row)] == [200_000]


def test_quotes_of_unquoted_tabs_are_characters(tmp_path: Path) -> None:
    lines = ["text\tn", '"هاجم مسلحون حاجزا\t1', 'استقال رئيس الوزراء"\t2', '"قال" الوزير\t3', '"نعم\t4', "", '"قيل"\t5',
             '"سطر\nثم ""سطر""\t\nثالث"\t6', '"أ\t7"', '"لم تغلق\t8', "آخر\t9"]  # fmt: skip
    content = "\n".join(lines).encode()
    one = source(tmp_path / "a.tsv", content)
    expected = [
        (2, '"هاجم مسلحون حاجزا'), (3, 'استقال رئيس الوزراء"'), (4, '"قال" الوزير'), (5, '"نعم'), (7, "قيل"),
        (8, 'سطر\nثم "سطر"\t\nثالث'), (11, '"أ'), (12, '"لم تغلق'), (13, "آخر"),
    ]  # fmt: skip
    assert [(row.row, row.text) for row in read(one) if isinstance(row, Row)] == expected
    assert len(read(one)) == len(expected)
    steps = list(records(one, PLAIN))
    for number, step in enumerate(steps, 1):
        assert list(records(one, PLAIN, step.next)) == steps[number:]
    tabs = LabelSettings(delimiter="\t")
    assert raws(source(tmp_path / "a.csv", content), tabs) == raws(one)


@settings(deadline=None)
@given(st.lists(st.text('"ا ,', min_size=1), max_size=6))
def test_every_line_of_an_unquoted_table_is_a_row(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    content = "\n".join(["text\tn", *(f"{text}\t{number}" for number, text in enumerate(texts))])
    one = source(tmp_path_factory.getbasetemp() / "plain.tsv", content.encode())
    found = [row for row in read(one) if isinstance(row, Row)]
    assert [row.row for row in found] == list(range(2, len(texts) + 2))
    assert [row.text.replace('"', "") for row in found] == [text.replace('"', "") for text in texts]


@settings(deadline=None)
@given(st.lists(st.text('"ا \n,'), max_size=6), st.booleans())
def test_a_quoted_table_of_tabs_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], first: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "quoted.tsv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = [("text", "n"), *((text, str(number)) for number, text in enumerate(texts))]
        csv.writer(stream, delimiter="\t").writerows(rows if first else [row[::-1] for row in rows])
    assert [row.text for row in read(source(path)) if isinstance(row, Row)] == texts


def test_a_quote_in_a_table_of_tabs_is_not_looked_for_far_away(tmp_path: Path) -> None:
    lines = ["text\tn", '"خبر\t0', *(f"خبر {number}\t{number}" for number in range(200)), "damaged", 'خبر"\t0']
    found = read(source(tmp_path / "a.tsv", "\n".join(lines).encode()))
    assert [row.row for row in found if isinstance(row, Row)] == [*range(2, 203), 204]
    assert [row[0] for row in found if not isinstance(row, Row)] == [203]


def test_a_line_that_is_too_long_does_not_take_others_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdath.bulk.delimited.LIMIT", 40)
    one = source(tmp_path / "a.csv", b'text\n"never closed\nb\n' + b"x" * 80 + b"\nd")
    assert [row.text if isinstance(row, Row) else row[0] for row in read(one)] == [2, "b", 4, "d"]


def test_bad_csv_rows_cost_themselves_only(tmp_path: Path) -> None:
    lines = ["id,text", "1,ok", '2,"never closed', "3,ok", "4,a, b", "5", '6,"a" b', "7,\udcff", "8,ok"]
    one = source(tmp_path / "a.csv", "\n".join(lines).encode("utf-8", "surrogateescape"))
    found = read(one)
    assert [row.id for row in found if isinstance(row, Row)] == ["1", "3", "8"]
    bad = dict(row for row in found if not isinstance(row, Row))
    assert list(bad) == [3, 5, 6, 7, 8]
    assert bad[5] == "expected 2 fields, found 3; quote a text that holds the delimiter"
    assert bad[6] == "expected 2 fields, found 1; quote a text that holds the delimiter"
    assert "expected CSV" in bad[7]
    assert "expected UTF-8" in bad[8]
    assert [raw.content for raw in raws(one) if raw.row == 3] == [['2,"never closed']]


def test_parquet_rows(tmp_path: Path) -> None:
    words = pa.array(["أ", None, "ج"]).dictionary_encode()
    one = table(tmp_path / "a.parquet", {"id": [10, 11, 12], "نص": words})
    settings = LabelSettings(text_column="نص")
    assert read(one, settings) == [
        Row("10", "أ", one.name, 1, None),
        (2, "expected a text in 'نص', found nothing (None)"),
        Row("12", "ج", one.name, 3, None),
    ]


def test_a_table_without_the_column_is_refused(tmp_path: Path) -> None:
    one = source(tmp_path / "a.csv", b"id,body\n1,x")
    with pytest.raises(ConfigError, match=r"a\.csv: expected a column 'text' \(text_column\), found 'id', 'body'"):
        raws(one)
    same = table(tmp_path / "a.parquet", {"body": ["x"], "text": [1]})
    with pytest.raises(ConfigError, match=r"a\.parquet: expected texts in the column 'text' \(text_column\), found int64"):
        raws(same)
    with pytest.raises(ConfigError, match="expected a column 'key'"):
        raws(same, LabelSettings(text_column="body", id_column="key"))


def test_a_damaged_file_is_a_problem_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = source(tmp_path / "a.txt", "أول\nثان".encode())
    bad = source(tmp_path / "b.parquet", b"PAR1 nothing PAR1")
    problems: list[Problem] = []
    shards = list(cut([good, bad, good], LabelSettings(shard_rows=3), problems))
    assert shards == [Shard(0, 0, BEGIN, 2), Shard(1, 2, BEGIN, 2)]
    assert [problem.file for problem in problems] == [bad.name]
    assert problems[0].problem.startswith("expected a Parquet file, found:")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "أول\n" + "س" * 80 + "\nثالث\n"),
        ("a.jsonl", '{"text": "أول"}\n{"text": "' + "س" * 80 + '"}\n{"text": "ثالث"}\n'),
        ("a.csv", "text\nأول\n" + "س" * 80 + "\nثالث\n"),
    ],
)
def test_a_line_without_end_is_not_held(name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("reading", "delimited"):
        monkeypatch.setattr(f"ahdath.bulk.{module}.LIMIT", 40)
    one = source(tmp_path / name, content.encode())
    first, bad, last = read(one)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert (first.text, last.text) == ("أول", "ثالث")
    assert not isinstance(bad, Row)
    assert "expected at most 40 bytes" in bad[1]
    if last.start is not None:
        assert content[last.start :] == "ثالث\n"


def test_folders_give_what_has_a_known_ending(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.csv", "a.JSONL", ".hidden.txt", ".git/notes.txt", "photo.jpg", "out/documents/part-0000000.parquet"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found, passed_over = find_sources([str(tmp_path)], tmp_path / "out", PLAIN)
    assert [(s.name.removeprefix(f"{tmp_path.as_posix()}/"), s.format) for s in found] == [
        ("a.JSONL", "jsonl"), ("b/1.csv", "csv"), ("b/2.txt", "txt"),
    ]  # fmt: skip
    assert passed_over == [(tmp_path / "photo.jpg").as_posix()]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    inner, other = tmp_path / "in", tmp_path / "other"
    for folder in (inner / "b", other):
        folder.mkdir(parents=True)
        (folder / "news.txt").write_bytes(b"")
    (inner / "linked").symlink_to(other, target_is_directory=True)
    (inner / "b" / "loop").symlink_to(inner, target_is_directory=True)
    (other / "again").symlink_to(inner / "b", target_is_directory=True)
    found, passed_over = find_sources([str(inner)], tmp_path / "out", PLAIN)
    assert [Path(one.name).relative_to(inner).as_posix() for one in found] == ["b/news.txt", "linked/news.txt"]
    assert passed_over == []
    (inner / "gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"gone\.txt: expected a file, found: a link to nothing; check the path"):
        find_sources([str(inner)], tmp_path / "out", PLAIN)


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="locked: expected a folder that can be read, found: Permission denied; let this user"):
        find_sources([str(tmp_path)], tmp_path / "out", PLAIN)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("pipe.jsonl", "."):
        with pytest.raises(DataError, match=r"pipe\.jsonl: expected a file, found a pipe; pipe it in as -"):
            find_sources([str(tmp_path / name)], tmp_path / "out", PLAIN)
    reads, writes = os.pipe()
    try:
        with pytest.raises(DataError, match="expected a file, found a pipe"):
            find_sources([f"/dev/fd/{reads}"], tmp_path / "out", PLAIN)
    finally:
        os.close(reads)
        os.close(writes)


def test_an_untouched_file_is_not_read_for_its_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = source(tmp_path / "a.txt", b"x")
    monkeypatch.setattr("ahdath.bulk.inputs.file_digest", lambda path: "read again")
    assert list(fingerprinted([one], [one])) == [one]
    (tmp_path / "a.txt").write_bytes(b"xy")
    assert next(iter(fingerprinted([one], [one]))).sha256 == "read again"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"format": "jsonlines"}, r"expected one of txt, jsonl, csv, parquet, found 'jsonlines' \(did you mean 'jsonl'\?\)"),
        ({"shard_rows": 0}, "shard_rows: expected a whole number from 1, found 0"),
        ({"batch_size": True}, "batch_size: expected a whole number from 1, found True"),
        ({"threshold": 1.5}, "threshold: expected a probability"),
        ({"threshold": "0.6"}, "threshold: expected a probability between 0 and 1, found '0.6'"),
        ({"types": 5}, "types: expected a tuple of event types, found 5"),
        ({"delimiter": 5}, "delimiter: expected one character, found 5"),
        ({"types": "Life.Die"}, "types: expected a tuple of event types"),
        ({"delimiter": ";;"}, "delimiter: expected one character"),
        ({"text_column": ""}, "expected a name, found an empty one"),
    ],
)
def test_bad_settings(bad: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        LabelSettings(**bad)


def test_settings_come_back() -> None:
    settings = LabelSettings(types=("Life.Die",), delimiter=";", threshold=0.5)
    assert LabelSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_a_damaged_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan").write_text("[0, 0, 1, 0, 5]\n[0, 9", encoding="utf-8")
    plan: Iterator[Shard] = read_plan(tmp_path / "plan")
    assert next(plan) == Shard(0, 0, BEGIN, 5)
    with pytest.raises(DataError, match="plan:2: expected the plan of a job"):
        next(plan)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        for _ in range(20_000):
            stream.write(b'{"text": "' + b"x" * 500 + b'"}\n')
    one = source(path)
    tracemalloc.start()
    count = sum(shard.rows for shard in cut([one], PLAIN, []))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 1_000_000 < path.stat().st_size
    assert reading.LIMIT == 1 << 26
