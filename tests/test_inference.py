"""Strings in, documents out: any string, in any company, in any number."""

from __future__ import annotations

import gc
import itertools
import json
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ahdath
from ahdath import decoding, inference
from ahdath.augment import spelling_variants
from ahdath.errors import AlignmentError, ConfigError, DataError, ModelError, OntologyError
from ahdath.inference import EventExtractor
from ahdath.schema import Document, Event, Span
from ahdath.text import paragraphs, sentences, words
from ahdath.tokenization import Window, collate
from ahdath.training import TrainConfig, build_extractor

KINDS = ("embedded", "arabert")


@pytest.fixture(params=KINDS)
def extractor(request: pytest.FixtureRequest) -> EventExtractor:
    found: EventExtractor = request.getfixturevalue(request.param)
    return found


def shape(event: Event, shift: int = 0) -> tuple[Any, ...]:
    """All of an event but its scores, moved by `shift` characters."""
    return (
        event.type, event.trigger.start + shift, event.trigger.end + shift, event.modality, event.polarity,
        tuple((a.role, a.span.start + shift, a.span.end + shift, a.span.text) for a in event.arguments),
    )  # fmt: skip


def scores(document: Document) -> list[float]:
    return [
        score
        for event in document.events
        for score in (event.score, *(argument.score for argument in event.arguments))
    ]


def assert_same(one: Document, other: Document) -> None:
    """The same events and sentences; scores to four decimals, which is how they are rounded."""
    assert one.text == other.text
    assert [shape(event) for event in one.events] == [shape(event) for event in other.events]
    assert scores(one) == pytest.approx(scores(other), abs=1.01e-4)
    assert [(s.start, s.end, s.types) for s in one.sentences] == [(s.start, s.end, s.types) for s in other.sentences]
    for mine, theirs in zip(one.sentences, other.sentences, strict=True):
        both = [{name: value for name, value in (s.scores or {}).items() if value > 0.051} for s in (mine, theirs)]
        assert both[0] == pytest.approx(both[1], abs=1.01e-4)


def assert_exact(document: Document, text: str) -> None:
    """Every offset indexes the raw text, in order, on edges of words."""
    assert document.text == text
    starts, ends = {a for a, _ in words(text)}, {b for _, b in words(text)}
    spans = [e.trigger for e in document.events] + [a.span for e in document.events for a in e.arguments]
    for span in spans:
        assert text[span.start : span.end] == span.text != ""
        assert span.start in starts
        assert span.end in ends
    assert [(s.start, s.end) for s in document.sentences] == sentences(text)
    places = [(event.trigger.start, event.trigger.end) for event in document.events]
    assert places == sorted(places)
    assert all(0 <= score <= 1 and round(score, 4) == score for score in scores(document))


# ---------------------------------------------------------------------- one string


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\r\n", "\u200f\u202b\ufeff", "\u2029", "\u00a0"])
def test_nothing_to_read(extractor: EventExtractor, text: str) -> None:
    document = extractor.classify(text)
    assert (document.text, document.events, document.sentences, document.types) == (text, (), (), {})


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world! 3.5 km",
        "😀😀 👨‍👩‍👧",
        "\ud800",
        "قصفت \udfff حلب\ud800ب",
        "قصفت\x00 حلب\x07.",
        "\u202bقصفت القوات\u202c مدينة\u200f تلبيسة\u200e أمس.",
        "قصـــــفت القـوات مديـنة تلبـيسة",
        "قَصَفَتِ القُوّاتُ السُّورِيَّةُ مَدِينَةَ تَلْبِيسَة",
        "ﻗﺼﻔﺖ ﺍﻟﻘﻮﺍﺕ ﻣﺪﻳﻨﺔ ﺗﻠﺒﻴﺴﺔ",
        "ـ ـ ًٌٍ",
        "قصفت القوات\r\nمدينة\u2028تلبيسة\x85أمس",
        "?!.،؛:«»()[]{}…—",
        "ق" * 3000,
        "قصفت القوات مدينة تلبيسة أمس",
    ],
)
def test_any_text_is_read_with_exact_offsets(extractor: EventExtractor, text: str) -> None:
    assert_exact(extractor.classify(text), text)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60),
        st.text(alphabet="قصفتالواو أإىة.،\n\u0640\u064e\u200f\ud800😀ﻗ١a", max_size=80),
    )
)
def test_offsets_index_the_raw_string(embedded: EventExtractor, arabert: EventExtractor, text: str) -> None:
    for extractor in (embedded, arabert):
        assert_exact(extractor.classify(text), text)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\xd9\x82", r"text: expected str, found bytes; decode bytes first: data\.decode\('utf-8'\)"),
        (None, "text: expected str, found NoneType; pass a str"),
        (["قصف"], "text: expected str, found list; pass a str"),
        (5, "text: expected str, found int"),
    ],
)
def test_what_is_no_string_is_refused(embedded: EventExtractor, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        embedded.classify(value)
    with pytest.raises(DataError, match=message):
        ahdath.classify(value)
    with pytest.raises(DataError, match=message):
        list(embedded.classify_many(["قصف", value]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("قصف", r"texts: expected an iterable of strings, found str; use classify\(text\)"),
        (b"abc", "found bytes; pass a list or another iterable of str"),
        (None, "found NoneType; pass a list"),
        (3, "found int"),
    ],
)
def test_what_is_no_iterable_of_strings_is_refused_at_once(embedded: EventExtractor, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        embedded.classify_many(value)


def test_spellings_that_normalisation_undoes_change_no_event(embedded: EventExtractor, documents: list[Document]) -> None:
    rng = np.random.default_rng(0)
    for document in documents:
        plain = Document(document.text)
        variant = next(v for v in (spelling_variants(plain, rng) for _ in range(9)) if v.text != plain.text)
        places = [{edge: index for index, span in enumerate(words(d.text)) for edge in span} for d in (plain, variant)]
        found = [
            [(e.type, at[e.trigger.start], [(a.role, at[a.span.start], at[a.span.end]) for a in e.arguments])
             for e in embedded.classify(d.text).events]
            for d, at in zip((plain, variant), places, strict=True)
        ]  # fmt: skip
        assert found[0] == found[1]


def test_a_document_says_who_read_it(embedded: EventExtractor, documents: list[Document]) -> None:
    document = embedded.classify(documents[0].text)
    assert document.model == "unused"  # the name of the folder that the run of the fixture would write
    assert document.ontology == embedded.ontology.digest
    said = json.loads(json.dumps(document.to_dict()))
    assert Document.from_dict(said, embedded.ontology).events == document.events
    assert all(round(value, 4) == value for s in document.sentences for value in (s.scores or {}).values())
    best = {name: max((s.scores or {}).get(name, 0) for s in document.sentences) for name in document.types or {}}
    assert document.types == best


# ---------------------------------------------------------------------- keywords


def test_threshold_replaces_the_stored_one(embedded: EventExtractor, documents: list[Document]) -> None:
    text = documents[0].text
    assert embedded.classify(text, threshold=1.0).events == ()
    everything = embedded.classify(text, threshold=0.0).events
    assert {event.type for event in everything} == set(embedded.ontology.type_names)
    low, high = (embedded.classify(text, threshold=value).events for value in (0.01, 0.9))
    assert len(everything) > len(low) > len(high) > 0
    assert all(event.score >= 0.9 for event in high)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(embedded: EventExtractor, value: float) -> None:
    with pytest.raises(ConfigError, match="expected a probability between 0 and 1"):
        embedded.classify("قصف", threshold=value)
    with pytest.raises(ConfigError, match="expected a probability between 0 and 1"):
        embedded.classify_many(["قصف"], threshold=value)


def test_types_keeps_some_types(embedded: EventExtractor, documents: list[Document]) -> None:
    text = documents[0].text
    everything = embedded.classify(text)
    wanted = {event.type for event in everything.events[:2]}
    for given_types in (wanted, list(wanted), (name for name in sorted(wanted))):
        some = embedded.classify(text, types=given_types)  # type: ignore[arg-type]
        assert some.events == tuple(event for event in everything.events if event.type in wanted)
        assert set(some.types or {}) <= wanted
        assert all(set(sentence.types) <= wanted for sentence in some.sentences)
    assert embedded.classify(text, types=[]).events == ()
    with pytest.raises(OntologyError, match=r"Conflict\.Atack.*did you mean 'Conflict\.Attack'"):
        embedded.classify(text, types=["Conflict.Atack"])
    with pytest.raises(ConfigError, match=r"found the string 'Life\.Die'; write \['Life\.Die'\]"):
        embedded.classify(text, types="Life.Die")


def test_batch_size_is_a_number_from_one(embedded: EventExtractor) -> None:
    for size in (0, 2.5, "16", True):
        with pytest.raises(ConfigError, match=rf"batch_size {size!r}: expected 1 or more"):
            embedded.classify_many(["قصف"], batch_size=size)  # type: ignore[arg-type]


def test_what_is_of_another_type_is_told(embedded: EventExtractor) -> None:
    with pytest.raises(ConfigError, match=r"threshold '0\.5': expected a probability"):
        embedded.classify("قصف", threshold="0.5")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"types: expected a collection of event types, found 5"):
        embedded.classify("قصف", types=5)  # type: ignore[arg-type]


def test_a_table_is_no_list_of_texts(embedded: EventExtractor) -> None:
    """Its iteration gives the names of its columns."""

    class Frame:
        columns = ("text",)

        def __iter__(self) -> Iterator[str]:
            return iter(self.columns)

    for table in (Frame(), {"text": ["قصف"]}):
        with pytest.raises(DataError, match=r"expected an iterable of strings, found (Frame|dict); pass one column"):
            embedded.classify_many(table)


def test_sentences_alone_have_the_same_scores(
    embedded: EventExtractor, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [document.text for document in documents]
    whole = list(embedded.classify_many(texts))
    monkeypatch.setattr(EventExtractor, "_read_arguments", lambda *_: pytest.fail("the argument head ran"))
    fast = list(embedded.classify_many(texts, sentences_only=True))
    assert sum(len(document.events) for document in whole) > 0
    for one, other in zip(whole, fast, strict=True):
        assert other.events == ()
        assert [(s.start, s.end) for s in one.sentences] == [(s.start, s.end) for s in other.sentences]
        for mine, theirs in zip(one.sentences, other.sentences, strict=True):
            assert theirs.scores
            assert {name: (mine.scores or {})[name] for name in theirs.scores} == theirs.scores
            inside = {e.type for e in one.events if mine.start <= e.trigger.start < mine.end}
            assert set(mine.types) == set(theirs.types) | inside


# ---------------------------------------------------------------------- company

SEPARATORS = ["\n", "\n\n", "\r\n", "\n \t\n", "\u2029"]


@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_paragraph_is_read_alike_alone_and_in_a_file(
    extractor: EventExtractor, documents: list[Document], batch_size: int
) -> None:
    texts = [document.text for document in documents]
    separators = itertools.cycle(SEPARATORS)
    file = "\n" + "".join(text + next(separators) for text in texts)
    (whole,) = extractor.classify_many([file], batch_size=batch_size)
    assert len(list(paragraphs(file))) == len(texts)
    expected, expected_scores, expected_sentences = [], [], []
    for text in texts:
        alone, shift = extractor.classify(text), file.index(text)
        expected += [shape(event, shift) for event in alone.events]
        expected_scores += scores(alone)
        expected_sentences += [(s.start + shift, s.end + shift, s.types) for s in alone.sentences]
    assert len(expected) > 20
    assert [shape(event) for event in whole.events] == expected
    assert scores(whole) == pytest.approx(expected_scores, abs=1.01e-4)
    assert [(s.start, s.end, s.types) for s in whole.sentences] == expected_sentences


def mixed(documents: list[Document]) -> list[str]:
    """Texts of very different lengths, blank ones and copies among them."""
    texts = [document.text for document in documents]
    return ["", texts[0], " ".join(texts * 2), "قصف", "\n".join(texts[2:5]), " ", *texts[1:4], texts[0], ""]


def test_many_are_read_in_order_in_batches_of_any_size(extractor: EventExtractor, documents: list[Document]) -> None:
    texts = mixed(documents)
    alone = [extractor.classify(text) for text in texts]
    for batch_size in (1, 2, 3, 16, 64):
        found = list(extractor.classify_many(texts, batch_size=batch_size))
        assert len(found) == len(texts)
        for one, other in zip(alone, found, strict=True):
            assert_same(one, other)


def test_a_stream_is_read_as_it_comes(embedded: EventExtractor) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"قصفت القوات المدينة {taken} مرات"

    stream = embedded.classify_many(endless(), batch_size=2)
    assert taken == 0
    for number in range(1, 101):
        assert next(stream).text.split()[3] == str(number)
        assert taken - number < 16 * 2
    assert taken < 100 + 16 * 2


def test_the_first_answer_waits_for_few_texts(embedded: EventExtractor) -> None:
    """A quarter of the look-ahead while the next half is made; later on all of it is used."""
    taken = itertools.count()
    stream = embedded.classify_many((f"قصفت القوات المدينة {n} مرات" for n in taken), batch_size=4)
    next(stream)
    assert next(taken) == 8 + 16
    for _ in range(8 + 16 + 32):
        next(stream)
    assert next(taken) == 8 + 16 + 32 + 32 + 32 + 1  # one was taken by this test
    stream.close()


def test_blank_texts_do_not_wait_and_do_not_pile_up(embedded: EventExtractor) -> None:
    stream = embedded.classify_many(itertools.repeat(" "), batch_size=2)
    assert [next(stream).text for _ in range(200)] == [" "] * 200
    assert list(embedded.classify_many([])) == []


def test_texts_before_a_wrong_one_can_be_had(embedded: EventExtractor) -> None:
    texts: list[Any] = ["قصف"] * 40 + [None]
    stream = embedded.classify_many(texts, batch_size=1)
    assert [next(stream).text for _ in range(32)] == ["قصف"] * 32
    with pytest.raises(DataError, match="expected str, found NoneType"):
        list(stream)


# ---------------------------------------------------------------------- long texts


def long_paragraph(documents: list[Document], times: int = 4) -> str:
    return " ".join(document.text for document in documents * times)


def test_a_paragraph_beyond_the_encoder_is_read_in_windows(extractor: EventExtractor, documents: list[Document]) -> None:
    """Each window by itself, through model and decoder, gives the events of the words that it owns and no others;
    a sentence has the scores of the window that holds most of it."""
    text = long_paragraph(documents)
    windows, _ = extractor.tokenizer.windows(text)
    assert len(windows) > 3
    expected: set[tuple[int, int, int]] = set()
    best: dict[int, tuple[int, Any]] = {}
    for window in windows:
        tensors = {name: torch.from_numpy(array) for name, array in collate([window], 0).items()}
        tensors["sentence"] -= window.sentence[0]
        with torch.inference_mode():
            output = extractor.model(**tensors)
        found = decoding.decode_triggers(
            decoding.sigmoid(output.trigger[0].numpy()), decoding.sigmoid(output.continuation[0].numpy()), 0.5,
            np.array(window.owned),
        )  # fmt: skip
        expected |= {(window.spans[t.first][0], window.spans[t.last - 1][1], t.type) for t in found}
        for number, logits in enumerate(output.sentence[0].numpy(), window.sentence[0]):
            size = window.sentence.count(number)
            if size > best.get(number, (0, None))[0]:
                best[number] = (size, dict(zip(extractor.ontology.type_names, decoding.sigmoid(logits), strict=True)))
    document = extractor.classify(text)
    assert_exact(document, text)
    got = [(e.trigger.start, e.trigger.end, extractor.ontology.type_id(e.type)) for e in document.events]
    assert len(got) == len(set(got)) > 10
    assert set(got) == expected
    for number, sentence in enumerate(document.sentences):
        assert sentence.scores
        assert sentence.scores == pytest.approx({name: best[number][1][name] for name in sentence.scores}, abs=1e-3)


def test_a_window_of_the_middle_answers_for_the_middle(embedded: EventExtractor, documents: list[Document]) -> None:
    text = long_paragraph(documents)
    windows, _ = embedded.tokenizer.windows(text)
    total = len(words(text))
    for window in windows:
        for place, owned in enumerate(window.owned):
            index, depths = window.first + place, []
            for other in windows:
                if other.first <= index < other.first + len(other.spans):
                    last = other.first + len(other.spans) == total
                    left = total if other.first == 0 else index - other.first
                    right = total if last else other.first + len(other.spans) - 1 - index
                    depths.append((min(left, right), other is window))
            best = max(depth for depth, _ in depths)
            assert not owned or (best, True) in depths


def test_an_endless_paragraph_is_cut_into_blocks_at_sentences(
    embedded: EventExtractor, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = long_paragraph(documents, 2)
    whole = embedded.classify(text)
    monkeypatch.setattr(inference, "_BLOCK", 300)
    starts = [block.start for block in embedded._blocks(text)]
    assert len(starts) > 3
    assert set(starts) <= {sentence.start for sentence in whole.sentences}
    document = embedded.classify(text)
    assert_exact(document, text)
    assert len(document.events) > 0


@pytest.mark.parametrize("text", ["ق" * 1000, "قصف " * 300, "قصف،" * 300, "😀" * 500, ". " * 400])
def test_blocks_without_sentences_are_cut_between_words(
    embedded: EventExtractor, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "_BLOCK", 100)
    document = embedded.classify(text)
    covered = [(s.start, s.end) for s in document.sentences]
    assert covered == sorted(covered)
    assert sum(end - start for start, end in covered) >= 0.7 * len(text.rstrip())
    assert all(text[e.trigger.start : e.trigger.end] == e.trigger.text for e in document.events)


def test_a_megabyte_is_read_in_bounded_memory(
    embedded: EventExtractor, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows, the bulk of what a text needs on its way, do not pile up: as many live as the look-ahead allows.

    One megabyte and not ten, because ten take a minute here and show no more: the bound is hundreds of windows,
    and a megabyte has thousands.
    """
    text = "\n".join([" ".join(document.text for document in documents)] * 1400)
    assert len(text.encode("utf-8")) > 1_000_000
    made, alive, runs = 0, [], 0
    tokenize, run = embedded.tokenizer.windows, EventExtractor._run

    def counted(piece: str) -> Any:
        nonlocal made
        windows, borders = tokenize(piece)
        made += len(windows)
        return windows, borders

    def sampled(self: EventExtractor, *args: Any, **kwargs: Any) -> None:
        nonlocal runs
        runs += 1
        if runs % 40 == 1:
            alive.append(sum(type(thing) is Window for thing in gc.get_objects()))
        run(self, *args, **kwargs)

    monkeypatch.setattr(embedded.tokenizer, "windows", counted)
    monkeypatch.setattr(EventExtractor, "_run", sampled)
    before = sum(type(thing) is Window for thing in gc.get_objects())
    document = embedded.classify(text, threshold=0.9999)
    assert made >= 1400
    assert len(alive) > 2
    assert max(alive) - before <= 16 * 16 + 8
    assert document.sentences[-1].end == len(text)
    starts = [start for start, _ in paragraphs(text)]
    assert {bisect_right(starts, event.trigger.start) for event in document.events} == set(range(1, 1401))


# ---------------------------------------------------------------------- gold triggers


def test_gold_triggers_are_kept(extractor: EventExtractor, documents: list[Document]) -> None:
    found = extractor.with_gold_triggers(documents)
    assert [document.id for document in found] == [document.id for document in documents]
    for gold, document in zip(documents, found, strict=True):
        assert document.text == gold.text
        assert {(e.type, e.trigger) for e in document.events} == {(e.type, e.trigger) for e in gold.events}
        assert len(document.events) == len(gold.events)
        assert all(event.score == 1.0 for event in document.events)
        assert all(extractor.ontology.allows(e.type, a.role) for e in document.events for a in e.arguments)


def test_gold_triggers_are_kept_in_long_texts_and_files(extractor: EventExtractor, documents: list[Document]) -> None:
    for joint in (" ", "\n"):
        parts, events, at = [], [], 0
        for document in documents * 3:
            events += [Event(e.type, Span(e.trigger.start + at, e.trigger.end + at, e.trigger.text)) for e in document.events]
            parts.append(document.text)
            at += len(document.text) + len(joint)
        gold = Document(joint.join(parts), tuple(events), id="long", meta={"batch": "tiny"})
        for batch_size in (1, 16):
            (found,) = extractor.with_gold_triggers([gold], batch_size=batch_size)
            assert [(e.type, e.trigger) for e in found.events] == sorted(
                ((e.type, e.trigger) for e in gold.events),
                key=lambda e: (e[1].start, e[1].end, extractor.ontology.type_id(e[0])),
            )
            assert (found.id, found.meta) == ("long", {"batch": "tiny"})


def test_gold_and_found_triggers_have_the_same_arguments(embedded: EventExtractor, documents: list[Document]) -> None:
    found = embedded.classify(documents[5].text)
    (again,) = embedded.with_gold_triggers([found])
    assert [shape(event) for event in again.events] == [shape(event) for event in found.events]


def test_a_gold_trigger_inside_a_word_is_refused(embedded: EventExtractor) -> None:
    document = Document("قصفت حلب", (Event("Conflict.Attack", Span(1, 4, "صفت")),))
    with pytest.raises(AlignmentError, match="does not begin and end at word edges"):
        embedded.with_gold_triggers([document])


def test_no_documents_no_results(embedded: EventExtractor) -> None:
    assert embedded.with_gold_triggers([]) == []
    assert embedded.with_gold_triggers([Document("")])[0].events == ()


# ---------------------------------------------------------------------- precision, threads, loading


def test_bfloat16_gives_nearly_the_same_scores(
    tiny_settings: Callable[..., TrainConfig], documents: list[Document], tmp_path: Path
) -> None:
    whole = build_extractor(tiny_settings("embedded"))
    whole.save_pretrained(tmp_path)
    half = EventExtractor.from_pretrained(tmp_path, dtype="bfloat16")
    assert half.model.dtype == torch.float32  # weights stay as they are; the encoder computes in bfloat16
    texts = [document.text for document in documents]
    found = [list(one.classify_many(texts, threshold=0.0, types=["Life.Die"])) for one in (whole, half)]
    starts = [[event.trigger.start for document in read for event in document.events] for read in found]
    assert starts[0] == starts[1]
    values = [[event.score for document in read for event in document.events] for read in found]
    assert len(values[0]) > 20
    assert values[0] == pytest.approx(values[1], abs=0.01)
    assert values[0] != values[1]


def test_dtype_is_one_of_two(embedded: EventExtractor) -> None:
    with pytest.raises(ConfigError, match="dtype 'float16': expected 'float32' or 'bfloat16'"):
        EventExtractor(embedded.model, embedded.tokenizer, dtype="float16")


def test_threads_may_share_an_extractor(embedded: EventExtractor, documents: list[Document]) -> None:
    texts = [document.text for document in documents]
    expected = [embedded.classify(text) for text in texts]
    results: dict[int, list[Document]] = {}

    def work(number: int) -> None:
        results[number] = [embedded.classify(text) for text in texts]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(4)] == [expected] * 4


def test_the_default_is_loaded_once_by_many_threads(embedded: EventExtractor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_default", None)
    loads: list[object] = []

    def load(*args: Any, **kwargs: Any) -> EventExtractor:
        loads.append(args)
        time.sleep(0.05)
        return embedded

    monkeypatch.setattr(EventExtractor, "from_pretrained", load)
    gate, found = threading.Barrier(8), []

    def work() -> None:
        gate.wait()
        found.append(ahdath.classify("قصفت القوات المدينة"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [()]
    assert found == [embedded.classify("قصفت القوات المدينة")] * 8
    assert list(ahdath.classify_many(["قصف", ""])) == [embedded.classify("قصف"), embedded.classify("")]
    assert len(loads) == 1


def test_a_folder_that_is_no_model_is_refused(
    embedded: EventExtractor, arabert_encoder: Path, tmp_path: Path
) -> None:
    for missing in (tmp_path / "none", str(tmp_path / "none"), "./none"):
        with pytest.raises(ModelError, match=r"expected a model folder with config\.json, found none; check the path"):
            EventExtractor.from_pretrained(missing)
    with pytest.raises(ModelError, match="expected an ahdath model"):
        EventExtractor.from_pretrained(arabert_encoder)
    with pytest.raises(ModelError, match="expected an ahdath model"):
        EventExtractor.from_pretrained("nobody/nothing")
    embedded.save_pretrained(tmp_path / "torn")
    (tmp_path / "torn" / "lexicon.json").unlink()
    with pytest.raises(ModelError, match=r"lexicon\.json: expected a stem lexicon"):
        EventExtractor.from_pretrained(tmp_path / "torn")
    weights = tmp_path / "torn" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="expected an ahdath model"):
        EventExtractor.from_pretrained(tmp_path / "torn")


def test_a_model_has_a_card(embedded: EventExtractor, tmp_path: Path) -> None:
    embedded.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlanguage: ar\nlibrary_name: ahdath\n")
    for told in ("Conflict.Attack", "هجوم", embedded.ontology.digest, "bert, 2 layers of 32", "up to 96 pieces"):
        assert told in card
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    embedded.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_whole_extractor_goes_to_the_hub(
    embedded: EventExtractor, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    class Hub:
        def create_repo(self, repo_id: str, **options: Any) -> Any:
            calls.append((repo_id, options))
            return SimpleNamespace(repo_id="me/" + repo_id)

        def upload_folder(self, *, repo_id: str, folder_path: str) -> None:
            calls.append(repo_id)
            calls.append(EventExtractor.from_pretrained(Path(folder_path)).classify(documents[0].text).events)

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert "me/events" in embedded.push_to_hub("events", private=True)
    expected = embedded.classify(documents[0].text).events
    assert calls == [("events", {"private": True, "exist_ok": True}), "me/events", expected]
