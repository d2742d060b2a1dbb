from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ahdath import corpus
from ahdath.corpus import (
    check,
    compile_corpus,
    compile_record,
    features,
    from_dataset,
    read_jsonl,
    shared_ngrams,
    statistics,
    statistics_markdown,
    to_dataset,
    with_sentences,
    write_jsonl,
)
from ahdath.errors import DataError
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span

ONTOLOGY = Ontology.default()
TEXT = "قصفت القوات السورية حلب. ثم قصفت القوات إدلب، ولم يصب أحد."
RECORD: dict[str, Any] = {
    "id": "r1",
    "text": TEXT,
    "events": [
        {
            "type": "Conflict.Attack",
            "trigger": "قصفت",
            "args": [["Agent", "القوات السورية"], ["Target", "حلب"]],
        },
        {"type": "Conflict.Attack", "trigger": "قصفت#2", "args": [["Agent", "القوات#2"], ["Target", "إدلب"]]},
        {"type": "Life.Injure", "trigger": "يصب", "args": [["Victim", "أحد"]], "polarity": "negative"},
    ],
}
NONE: dict[str, Any] = {"id": "r2", "text": "فاز الفريق بالمباراة.", "events": []}


def compiled(record: dict[str, Any] = RECORD) -> Document:
    return compile_record(record, ONTOLOGY, batch="b")


def write_lines(path: Path, *records: Any) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_all_is_public() -> None:
    assert corpus.__all__ == sorted(corpus.__all__)
    assert all(callable(getattr(corpus, name)) for name in corpus.__all__)


# ---------------------------------------------------------------------- compiling


def test_compile_resolves_spans_and_sentences() -> None:
    document = compiled()
    first, second, third = document.events
    assert (first.trigger, second.trigger) == (Span(0, 4, "قصفت"), Span(28, 32, "قصفت"))
    assert [(a.role, a.span.start, a.span.text) for a in second.arguments] == [
        ("Agent", 33, "القوات"),
        ("Target", 40, "إدلب"),
    ]
    assert (third.modality, third.polarity) == ("asserted", "negative")
    assert [(s.text, s.types) for s in document.sentences] == [
        ("قصفت القوات السورية حلب.", ("Conflict.Attack",)),
        ("ثم قصفت القوات إدلب، ولم يصب أحد.", ("Conflict.Attack", "Life.Injure")),
    ]
    assert document.meta == {"batch": "b", "start": None}


def test_other_keys_go_to_meta() -> None:
    assert compiled({**NONE, "start": 7, "spelling": "egypt"}).meta == {
        "batch": "b",
        "start": 7,
        "spelling": "egypt",
    }


def changed(**changes: Any) -> dict[str, Any]:
    return {**RECORD, "events": [{**RECORD["events"][0], **changes}]}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (5, "id: expected a record with id (str, not empty), found 5"),
        ({"text": "a", "events": []}, "id: expected a record with id (str, not empty), found nothing"),
        (
            {"id": "a", "text": "", "events": []},
            "text: expected a record with text (str, not empty), found ''",
        ),
        (
            {"id": "a", "text": "a", "events": {}},
            "events: expected a record with events (list, not empty), found {}",
        ),
        ({**NONE, "source": ["a"]}, "source: expected a text, number or null, to carry over, found ['a']"),
        ({**NONE, "events": [5]}, "events[0]: expected a mapping with only type, trigger, args"),
        (changed(argument=[]), "events[0]: expected a mapping with only type, trigger, args"),
        (
            changed(type="Conflict.Atack"),
            "Unknown event type 'Conflict.Atack' (did you mean 'Conflict.Attack'?)",
        ),
        (changed(type=None), "Unknown event type nothing"),
        (changed(trigger=None), "expected words copied from the text"),
        (changed(trigger=" قصفت"), "without spaces around them"),
        (changed(trigger=""), "expected words copied from the text"),
        (changed(trigger="قصفت#0"), "the first occurrence being #1"),
        (changed(trigger="قصفت#3"), "span 'قصفت#3': expected as whole words, found 2 time(s)"),
        (changed(trigger="قصف"), "found 0 time(s); inside longer words: take the whole word"),
        (changed(trigger="دمرت"), "span 'دمرت': expected as whole words, found 0 time(s)"),
        (changed(args={"Agent": "حلب"}), "args: expected a list of [role, span]"),
        (changed(args=[["Agent"]]), "args: expected a list of [role, span]"),
        (changed(args=[["Agent", 5]]), "expected words copied from the text"),
        (changed(args=[[5, "حلب"]]), "Argument.role: expected str, found int: 5"),
        (
            changed(args=[["Penalty", "حلب"]]),
            "Role 'Penalty' is not allowed for Conflict.Attack; allowed: Agent",
        ),
        (changed(args=[["Agent", "حلب"], ["Agent", "حلب"]]), "Agent 'حلب' stands 2 times"),
        (changed(modality="maybe"), "Unknown modality 'maybe'; allowed: asserted, other"),
        ({**RECORD, "events": RECORD["events"][:1] * 2}, "the same type on the same trigger twice; use #n"),
    ],
)
def test_wrong_records_are_refused(record: Any, said: str) -> None:
    with pytest.raises(DataError) as refused:
        compiled(record)
    assert said in str(refused.value)


def test_all_that_is_wrong_in_a_record_is_told() -> None:
    with pytest.raises(DataError, match=r"events\[0\].*events\[1\]"):
        compiled({**RECORD, "events": [{"type": "X"}, {"type": "Y"}]})


@pytest.mark.parametrize(
    ("text", "marked", "start"),
    [
        ("وقصف قصف قصف", "قصف", 5),
        ("وقصف قصف قصف", "قصف#2", 9),
        ("قصفَ قصف", "قصف", 5),  # a mark belongs to the word
        ("حلب، حلب", "حلب#2", 5),
        ("سقصف قصف قصف", "قصف قصف", 5),  # an occurrence inside a word does not hide the next
        ('قرية "تيرمعلة".', 'قرية "تيرمعلة"', 0),
    ],
)
def test_spans_are_whole_words(text: str, marked: str, start: int) -> None:
    record = {"id": "1", "text": text, "events": [{"type": "Conflict.Attack", "trigger": marked}]}
    assert compiled(record).events[0].trigger.start == start


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text("قصفتحلب", min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_every_word_can_be_picked_by_its_occurrence(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    place = data.draw(st.integers(0, len(words) - 1))
    nth = words[: place + 1].count(words[place])
    event = {"type": "Conflict.Attack", "trigger": f"{words[place]}#{nth}"}
    trigger = compiled({"id": "1", "text": text, "events": [event]}).events[0].trigger
    assert (trigger.start, trigger.text) == (len(" ".join([*words[:place], ""])), words[place])


def source_folder(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    write_lines(source / "b.jsonl", RECORD)
    write_lines(source / "a.jsonl", NONE)
    write_lines(source / "held.jsonl", {**NONE, "id": "r3"})
    write_lines(source / "seed-story.jsonl", {**NONE, "id": "r4", "text": "عاد.", "start": 4, "hand": "x"})
    split = {"dev": ["held"], "apart": ["seed-story"], "note": "others are train"}
    (source / "SPLIT.json").write_text(json.dumps(split), encoding="utf-8")
    return source


def test_compile_corpus_divides_by_the_split_file(tmp_path: Path) -> None:
    source = source_folder(tmp_path)
    (tmp_path / "story.txt").write_text("مضى عاد.", encoding="utf-8")
    assert compile_corpus(source, tmp_path) == {"train": 2, "dev": 1, "story": 1}
    train = read_jsonl(tmp_path / "train.jsonl", ONTOLOGY)
    assert [(d.id, d.meta) for d in train] == [
        ("r2", {"batch": "a", "start": None, "hand": None}),  # every file has the keys that any of them has
        ("r1", {"batch": "b", "start": None, "hand": None}),
    ]
    assert train[1].events == compiled().events
    assert read_jsonl(tmp_path / "story.jsonl")[0].meta == {"batch": "seed-story", "start": 4, "hand": "x"}
    before = (tmp_path / "train.jsonl").read_bytes()
    compile_corpus(source, tmp_path)
    assert (tmp_path / "train.jsonl").read_bytes() == before


def test_a_whole_text_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    source = source_folder(tmp_path)
    (tmp_path / "story.txt").write_bytes("مضى عاد.".encode("cp1256"))
    with pytest.raises(DataError, match=r"story\.txt: expected UTF-8, found .*; save the file as UTF-8"):
        compile_corpus(source, tmp_path)


def test_compile_corpus_tells_all_problems_and_writes_nothing(tmp_path: Path) -> None:
    source = source_folder(tmp_path)
    (tmp_path / "story.txt").write_text("وعاد.", encoding="utf-8")
    write_lines(source / "c.jsonl", {**NONE, "events": [{"type": "X"}]}, "{", NONE)
    with pytest.raises(DataError) as refused:
        compile_corpus(source, tmp_path)
    said = str(refused.value)
    assert "4 problem(s)" in said
    assert "c.jsonl:1: events[0]: Unknown event type 'X'" in said
    assert "c.jsonl:2: expected one JSON object, found '{'" in said
    assert "expected every id once, found 'r2' 2 times" in said
    assert "seed-story.jsonl:1: start: expected the offset of the paragraph" in said
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "SPLIT.json: expected"),
        ("{", "SPLIT.json: expected"),
        ("[]", "SPLIT.json: expected"),
        ('{"dev": 5}', "SPLIT.json: expected"),
        (
            '{"dev": ["nowhere"]}',
            "dev: expected batches that have a file, each in one place, found 'nowhere'",
        ),
        (
            '{"dev": ["a"], "test": ["a"]}',
            "test: expected batches that have a file, each in one place, found 'a'",
        ),
        ('{"dev": [["a"]]}', "dev: expected batches that have a file"),
    ],
)
def test_a_wrong_split_file_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    write_lines(tmp_path / "a.jsonl", NONE)
    if content is not None:
        (tmp_path / "SPLIT.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        compile_corpus(tmp_path, tmp_path / "out")
    assert said in str(refused.value)


# ---------------------------------------------------------------------- files


def test_rows_have_always_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_jsonl(path, [compiled(), Document("نص", meta={"hand": "x"})])
    lines = path.read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert list(first) == list(second) == ["id", "text", "events", "sentences", "meta"]
    assert first["meta"] == {"batch": "b", "start": None, "hand": None}
    assert second["meta"] == {"batch": None, "start": None, "hand": "x"}
    assert list(first["events"][0]) == ["type", "trigger", "modality", "polarity", "arguments"]
    assert list(first["events"][0]["arguments"][0]) == ["role", "text", "start", "end"]
    assert "قصفت" in lines[0]
    assert ", " not in lines[0].replace("، ", "")


def test_files_round_trip(tmp_path: Path) -> None:
    documents = [compiled(), compiled(NONE)]
    write_jsonl(tmp_path / "x.jsonl", documents)
    assert read_jsonl(tmp_path / "x.jsonl", ONTOLOGY) == documents


def test_scores_are_never_lost(tmp_path: Path) -> None:
    gold = compiled()
    for scored in (
        replace(gold, events=(replace(gold.events[0], score=0.5),)),
        replace(gold, sentences=(replace(gold.sentences[0], scores={"Conflict.Attack": 0.5}),)),
        replace(gold, model="m", types={"Conflict.Attack": 0.9}, ontology=ONTOLOGY.digest),
    ):
        write_jsonl(tmp_path / "x.jsonl", [scored, compiled(NONE)])
        assert read_jsonl(tmp_path / "x.jsonl") == [scored, compiled(NONE)]
        rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
        assert list(rows[0]) == list(rows[1])


def test_other_line_separators_stay_in_their_line(tmp_path: Path) -> None:
    text = "سطر\u2028سطر\x85سطر\x0bسطر\rسطر\nسطر"
    write_jsonl(tmp_path / "x.jsonl", [Document(text, meta={"batch": "", "start": 0})])
    assert read_jsonl(tmp_path / "x.jsonl")[0].text == text


def test_windows_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n{"text": "b"}')
    assert [d.text for d in read_jsonl(tmp_path / "x.jsonl")] == ["a", "b"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_text_round_trips_or_is_refused(tmp_path: Path, text: str) -> None:
    document = Document(text, [Event("X", Span.of(text, 0, 1))], meta={"batch": None, "start": None})
    path = tmp_path / "x.jsonl"
    try:
        write_jsonl(path, [document])
    except DataError as error:
        assert "surrogates" in str(error)  # noqa: PT017  either outcome may be right
        assert text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") != text
    else:
        assert read_jsonl(path) == [document]


def test_two_surrogates_that_make_a_pair_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [Document("أ\ud83dب")])
    assert read_jsonl(tmp_path / "x.jsonl")[0].text == "أ\ud83dب"
    with pytest.raises(DataError, match="two surrogates in a row"):
        write_jsonl(tmp_path / "x.jsonl", [Document("\ud83d\ude00")])


def test_what_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Document 'd': meta: expected values that JSON can hold"):
        write_jsonl(tmp_path / "x.jsonl", [Document("a", id="d", meta={"x": object()})])
    assert not (tmp_path / "x.jsonl").exists()
    with pytest.raises(DataError, match="expected a file that can be written"):
        write_jsonl(tmp_path / "no" / "x.jsonl", [Document("a")])


def test_a_damaged_file_is_refused_with_every_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    good = json.dumps({"id": "1", "text": "a"}).encode()
    path.write_bytes(
        b"\n".join([good, b"{", b'{"text": "\xff"}', b"[1]", good, b'{"txt": "a"}', b"[" * 100_000])
    )
    with pytest.raises(DataError) as refused:
        read_jsonl(path)
    said = str(refused.value).splitlines()
    assert said[0] == f"{path}: 6 problem(s), nothing is taken from it:"
    assert said[1].startswith(f"{path}:2: expected one JSON object, found '{{'")
    assert said[2] == f"{path}:3: expected UTF-8, found b'\\xff\"}}'; save the file as UTF-8"
    assert said[3] == f"{path}:4: document: expected a mapping, found list: [1]"
    assert said[4] == f"{path}:5: id: expected every id once, found '1' on line 1 too"
    assert said[5].startswith(f"{path}:6: document: expected only the keys schema, id, text")
    assert said[6].startswith(f"{path}:7: expected one JSON object")
    assert len(said) == 7


def test_at_most_twenty_problems_are_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_jsonl(write_lines(tmp_path / "x.jsonl", *["{"] * 30))
    assert "30 problem(s)" in str(refused.value)
    assert str(refused.value).splitlines()[-1] == "… and 10 more"
    assert len(str(refused.value).splitlines()) == 22


def test_types_are_checked_when_an_ontology_is_given(tmp_path: Path) -> None:
    row = {"text": "قصف", "events": [{"type": "X", "trigger": {"text": "قصف", "start": 0, "end": 3}}]}
    path = write_lines(tmp_path / "x.jsonl", row)
    assert read_jsonl(path)[0].events[0].type == "X"
    with pytest.raises(DataError, match=r"x\.jsonl:1: .*Unknown event type 'X'"):
        read_jsonl(path, ONTOLOGY)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a readable JSONL file"):
        read_jsonl(tmp_path / "no.jsonl")


# ---------------------------------------------------------------------- datasets


def test_datasets_round_trip() -> None:
    documents = [compiled(NONE), compiled()]
    dataset = to_dataset(documents)
    assert dataset.features == features()
    assert from_dataset(dataset, ONTOLOGY) == documents
    assert from_dataset(to_dataset([])) == []


def test_further_meta_keys_become_columns() -> None:
    documents = [
        Document("a", meta={"batch": "b", "start": None, "n": 1, "ok": None, "w": 0.5, "who": "x"}),
        Document("b", meta={"batch": "b", "start": 3, "n": None, "ok": True, "w": None, "who": None}),
    ]
    dataset = to_dataset(documents)
    meta = dataset.features["meta"]
    assert {key: meta[key].dtype for key in ("n", "ok", "w", "who")} == {
        "n": "int64",
        "ok": "bool",
        "w": "float64",
        "who": "string",
    }
    assert from_dataset(dataset) == documents
    with pytest.raises(DataError, match=r"meta\.n: expected values of one kind .*, found int, str"):
        to_dataset([Document("a", meta={"n": 1}), Document("b", meta={"n": "x"})])


def test_to_dataset_refuses_what_its_columns_cannot_hold() -> None:
    with pytest.raises(DataError, match="scores or a model; use write_jsonl"):
        to_dataset([Document("a", model="m")])
    with pytest.raises(DataError, match="lone surrogate"):
        to_dataset([Document("\ud800")])


def test_from_dataset_tells_the_rows() -> None:
    with pytest.raises(DataError, match=r"row 1: document\.text: expected this key"):
        from_dataset([{"text": "a"}, {}])


# ---------------------------------------------------------------------- checking


def test_check_accepts_rows_and_hand_written_batches(tmp_path: Path) -> None:
    hand = write_lines(tmp_path / "hand.jsonl", RECORD, NONE)
    write_jsonl(tmp_path / "rows.jsonl", [replace(compiled(), id="other", text=TEXT)])
    assert check([hand]) == []
    assert check([tmp_path / "rows.jsonl"], ONTOLOGY) == []


def test_check_tells_everything(tmp_path: Path) -> None:
    gold = compiled()
    first, agent = gold.events[0], gold.events[0].arguments[0]
    inside = Event("Conflict.Attack", Span(0, 3, "قصف"))
    write_jsonl(
        tmp_path / "a.jsonl",
        [
            gold,
            replace(gold, id="r9", events=(replace(first, arguments=(agent, agent)), first)),
            Document(
                TEXT + " تتمة",
                (inside, replace(first, arguments=(Argument("Penalty", Span(20, 23, "حلب")),))),
            ),
        ],
    )
    hand = write_lines(
        tmp_path / "b.jsonl", RECORD, "{", {**NONE, "events": [{"type": "X", "trigger": "فاز"}]}
    )
    said = check([tmp_path / "a.jsonl", hand])
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for start, part in [
        (f"{a}:2: expected every text once", f"at {a}:1 too"),
        (f"{a}:2: events[0] (Conflict.Attack, 'قصفت')", "expected every argument once, found Agent"),
        (f"{a}:2: expected a type once on a trigger", "found Conflict.Attack on 'قصفت' 2 times"),
        (f"{a}:3: Document ''", "Role 'Penalty' is not allowed for Conflict.Attack"),
        (f"{b}:1: expected every id once", "found 'r1'"),
        (f"{b}:1: expected every text once", f"at {a}:1 too"),
        (f"{b}:2: expected one JSON object", "'{'"),
        (f"{b}:3: events[0]", "Unknown event type 'X'"),
    ]:
        assert any(line.startswith(start) and part in line for line in said), (start, said)
    assert len(said) == 8
    write_jsonl(a, [Document(TEXT, (inside,))])
    expected = "expected spans of whole words, found 'قصف' inside a longer one"
    assert check([a]) == [f"{a}:1: events[0] (Conflict.Attack, 'قصف'): {expected}"]


def test_check_finds_text_that_files_share(tmp_path: Path) -> None:
    text = "واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية"
    write_jsonl(tmp_path / "a.jsonl", [Document(text, id="1")])
    write_jsonl(tmp_path / "b.jsonl", [Document(f"قال: {text}.", id="2")])
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    assert check(paths) == []
    (problem,) = check(paths, disjoint=True)
    assert problem.startswith(f"{paths[0]} (1) and {paths[1]} (2) share words: واحد")


def test_shared_ngrams_sees_through_spelling_and_symbols() -> None:
    a = [Document("أعلنت الوزارةُ، أمس", id="a")]
    b = [Document("اعلنت الوزاره أمس", id="b")]
    assert shared_ngrams(a, b, n=3) == {("اعلنت", "الوزاره", "امس"): ("a", "b")}
    assert shared_ngrams(a, b, n=4) == {}
    assert shared_ngrams(a, [], n=1) == {}
    with pytest.raises(DataError, match="1 or more, found 0"):
        shared_ngrams(a, b, n=0)


def test_with_sentences_keeps_the_rest() -> None:
    document = Document("قصف الجيش. عاد الهدوء.", [Event("X", Span(0, 3, "قصف"))], id="1", meta={"a": 1})
    found = with_sentences(document)
    assert found.sentences == (Sentence(0, 10, "قصف الجيش.", ("X",)), Sentence(11, 22, "عاد الهدوء."))
    assert replace(found, sentences=()) == document


# ---------------------------------------------------------------------- statistics


def test_statistics() -> None:
    fixed = {
        "id": "r5",
        "text": "وقف إطلاق النار",
        "events": [{"type": "Conflict.Ceasefire", "trigger": "وقف إطلاق النار"}],
    }
    assert statistics([compiled(), compiled(NONE), compiled(fixed)]) == {
        "paragraphs": 3,
        "words": 11 + 3 + 3,
        "events": 4,
        "arguments": 5,
        "without_events": 1,
        "sentences": 4,
        "share_without_events": 0.3333,
        "triggers_of_several_words": 1,
        "share_of_triggers_of_several_words": 0.25,
        "trigger_forms": 3,
        "words_per_paragraph": {"min": 3, "median": 3.0, "max": 11},
        "by_type": {"Conflict.Attack": 2, "Conflict.Ceasefire": 1, "Life.Injure": 1},
        "by_role": {"Agent": 2, "Target": 2, "Victim": 1},
        "by_modality": {"asserted": 4},
        "by_polarity": {"positive": 3, "negative": 1},
        "by_batch": {"b": {"paragraphs": 3, "words": 17, "events": 4, "arguments": 5, "without_events": 1}},
    }
    assert statistics([])["paragraphs"] == 0


def test_statistics_markdown() -> None:
    said = statistics_markdown({"train": [compiled()], "dev": [compiled(NONE)]})
    assert said.startswith("|  | train | dev |\n|---|---:|---:|\n| paragraphs | 1 | 1 |\n")
    assert "| share without events | 0.0% | 100.0% |" in said
    assert "| Conflict.Attack | 2 | 0 |" in said
    assert "| b | dev | 1 | 3 | 0 | 0 | 1 |" in said
    for table in said.split("\n\n"):
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1
