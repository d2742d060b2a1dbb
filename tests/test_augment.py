"""Moved offsets, typos, swapped arguments and spellings: what changes, and that everything else stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdath.augment import augment, edit, spelling_variants, typo
from ahdath.corpus import read_jsonl, with_sentences
from ahdath.errors import ConfigError, DataError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.text import normalize, sentences, words
from ahdath.tokenization import WordTokenizer, word_span
from tiny import oracle, tiny_tokenizer

SEEDS = Path(__file__).parents[1] / "seeds"
Change = Callable[[Document, np.random.Generator], Document]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spans(document: Document) -> list[Span]:
    """Triggers, arguments and sentences, in the order of the document."""
    found = [span for e in document.events for span in (e.trigger, *(a.span for a in e.arguments))]
    return [*found, *document.sentences]


def forms(text: str) -> list[str]:
    return [normalize(text[a:b]) for a, b in words(text)]


def check_sound(old: Document, new: Document) -> None:
    """All but spelling and offsets is as before, and spans of events stand on word edges."""
    edges = words(new.text)
    assert [(e.type, e.modality, e.polarity, e.score) for e in new.events] == [
        (e.type, e.modality, e.polarity, e.score) for e in old.events
    ]
    for before, after in zip(old.events, new.events, strict=True):
        assert [(a.role, a.score) for a in after.arguments] == [(a.role, a.score) for a in before.arguments]
        assert len(words(after.trigger.text)) == len(words(before.trigger.text))
        for span in (after.trigger, *(a.span for a in after.arguments)):
            word_span(edges, span.start, span.end)
            assert new.text[span.start : span.end] == span.text
    assert [s.types for s in new.sentences] == [s.types for s in old.sentences]
    assert (new.id, new.meta, new.model, new.ontology, new.types) == (
        old.id, old.meta, old.model, old.ontology, old.types,
    )  # fmt: skip


WORDS = [
    "قصفت",
    "الطائرات",
    "الروسية",
    "مدينة",
    "تلبيسة",
    "حلب",
    "في",
    "من",
    "ضربت",
    "مظاهرة",
    "وزير",
    "الخارجية",
    "أمس",
    "إلى",
    "على",
    "بغداد",
    "والجيش",
    "14",
    "٢٠١٥",
    "3.5",
    "«",
    "»",
    "،",
    ".",
    "!",
    "؟",
    "…",
    "د.",
    "أ.ف.ب",
    "NATO",
    "ـ",
    "مُتَّحِدة",
    "😀",
    "�",
    "\u202bقصف\u202c",
]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Paragraphs with events on runs of words."""
    parts = draw(
        st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", " ", " ", "", "  ", "\n"])), max_size=30)
    )
    text = "".join(word + space for word, space in parts)
    edges = words(text)

    def run(longest: int) -> Span:
        first = draw(st.integers(0, len(edges) - 1))
        last = min(first + draw(st.integers(0, longest - 1)), len(edges) - 1)
        return Span.of(text, edges[first][0], edges[last][1])

    def event() -> Event:
        roles = draw(st.lists(st.sampled_from(["Agent", "Place"]), max_size=3))
        return Event("Conflict.Attack", run(2), tuple(Argument(role, run(4)) for role in roles))

    events = tuple(event() for _ in range(draw(st.integers(0, 3)))) if edges else ()
    borders = tuple(Sentence(a, b, text[a:b]) for a, b in sentences(text))
    return Document(text, events, borders, id="d", meta={"batch": "b"})


# ---------------------------------------------------------------------- edit


TEXT = "قصفت الطائرات حلب"
ATTACK = Event(
    "Conflict.Attack",
    Span.of(TEXT, 0, 4),
    (Argument("Agent", Span.of(TEXT, 5, 13)), Argument("Place", Span.of(TEXT, 14, 17))),
)
SMALL = Document(
    TEXT, (ATTACK,), (Sentence(0, 17, TEXT, ("Conflict.Attack",), {"Conflict.Attack": 0.9}),), id="a", meta={"k": 1}
)


def test_an_edit_changes_spans_that_hold_it_and_moves_those_behind() -> None:
    new = edit(SMALL, [(7, 13, "مدافع"), (0, 0, "أمس ")])
    event, (sentence,) = new.events[0], new.sentences
    assert new.text == "أمس قصفت المدافع حلب"
    assert (event.trigger, event.arguments[0].span, event.arguments[1].span) == (
        Span(4, 8, "قصفت"), Span(9, 16, "المدافع"), Span(17, 20, "حلب"),
    )  # fmt: skip
    assert (sentence.start, sentence.end, sentence.types, sentence.scores) == (
        4, 20, ("Conflict.Attack",), {"Conflict.Attack": 0.9},
    )  # fmt: skip
    assert (new.id, new.meta) == ("a", {"k": 1})


def test_what_is_inserted_at_an_edge_stays_outside() -> None:
    new = edit(SMALL, [(14, 14, "ريف "), (17, 17, ".")])
    assert new.text == "قصفت الطائرات ريف حلب."
    assert new.events[0].arguments[1].span == Span(18, 21, "حلب")
    assert new.sentences[0].text == "قصفت الطائرات ريف حلب"


def test_a_whole_span_can_be_replaced() -> None:
    new = edit(SMALL, [(14, 17, "دمشق"), (5, 13, "المدافع"), (0, 4, "ضربت")])
    assert [span.text for span in spans(new)] == ["ضربت", "المدافع", "دمشق", "ضربت المدافع دمشق"]


def test_two_insertions_at_one_place_keep_their_order() -> None:
    assert edit(SMALL, [(4, 4, "ا"), (4, 4, "ب")]).text == "قصفتاب الطائرات حلب"


def test_no_edits_no_new_document() -> None:
    assert edit(SMALL, []) is SMALL


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([(0, 2, "x"), (1, 3, "y")], "do not overlap"),
        ([(-1, 2, "x")], "inside the text"),
        ([(16, 18, "x")], "inside the text"),
        ([(3, 2, "x")], "inside the text"),
        ([(3, 6, "x")], "edit 3:6 crosses an edge of the span 5:13"),
        ([(4, 6, "x")], "edit 4:6 crosses an edge of the span 5:13"),
        ([(4, 14, "x")], "crosses an edge of the span 5:13"),
        ([(0, 4, "")], "span 0:4 would be empty"),
    ],
)
def test_edits_that_break_a_span_are_refused(edits: list[tuple[int, int, str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        edit(SMALL, edits)


@given(st.data())
def test_every_span_gets_the_edits_inside_it(data: st.DataObject) -> None:
    text = data.draw(st.text("ابتث ", min_size=1, max_size=20))
    place = st.integers(0, len(text))
    chosen = sorted({tuple(sorted((data.draw(place), data.draw(place)))) for _ in range(3)})
    triggers = [Span.of(text, a, b) for a, b in chosen if a < b]
    document = Document(text, tuple(Event("T", span) for span in triggers))
    marks = sorted(data.draw(st.sets(place, max_size=6)))
    changes = [(a, b, data.draw(st.text("xyz", max_size=3))) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    changes += [(m, m, data.draw(st.text("vw", min_size=1, max_size=2))) for m in marks[len(marks) // 2 * 2 :]]

    def applied(start: int, end: int) -> str:
        new, at = "", start
        for a, b, inner in sorted(changes):
            if start <= a <= b <= end and not (a == b and a in (start, end)):
                new, at = new + text[at:a] + inner, b
        return new + text[at:end]

    crossing = any(
        (a < s < b) or (a < e < b) or not applied(s, e)
        for a, b, _ in changes
        for s, e in ((t.start, t.end) for t in triggers)
    )
    if crossing:
        with pytest.raises(DataError):
            edit(document, changes)
    else:
        assert [e.trigger.text for e in edit(document, changes).events] == [applied(t.start, t.end) for t in triggers]


# ---------------------------------------------------------------------- typos

WORN = augment([], typos=1.0, swaps=0.0)
assert WORN is not None


@settings(deadline=None)
@given(documents(), st.integers(0, 2**31))
def test_typos_leave_a_sound_document_and_the_same_one_for_the_same_seed(document: Document, seed: int) -> None:
    new = WORN(document, rng(seed))
    check_sound(document, new)
    assert new == WORN(document, rng(seed))
    assert (new is document) == (new.text == document.text)
    if new is not document:
        assert forms(new.text) != forms(document.text)


def changes(text: str, *events: Event, seeds: int = 300) -> set[str]:
    """All that typos make of a text."""
    document = Document(text, events)
    return {WORN(document, rng(seed)).text for seed in range(seeds)}


def test_only_arabic_words_of_four_letters_get_typos() -> None:
    assert changes("في حلب 2015 NATO مُدُن ـــــ ...") == {"في حلب 2015 NATO مُدُن ـــــ ..."}


def test_typos_of_one_word() -> None:
    found = changes("مرضى")  # four letters: no split
    assert found == {
        "رضى", "مضى", "مرى", "مرض",
        "ممرضى", "مررضى", "مرضضى", "مرضىى",
        "رمضى", "مضرى", "مرىض",
        "مرظى",
    }  # fmt: skip
    assert {word for word in changes("مدارس") if " " in word} == {"مد ارس", "مدا رس"}


def test_a_typo_is_none_that_normalisation_undoes() -> None:
    assert "اأخبار" not in changes("أاخبار")
    for word in changes("أاخبار") - {"أاخبار"}:
        assert forms(word) != forms("أاخبار")


def test_a_trigger_stays_one_word_with_its_letters_in_order() -> None:
    text = "بضربات جوية"
    trigger = Event("T", Span.of(text, 0, 6))
    found = {new.removesuffix(new[new.index(" ") :]) for new in changes(text, trigger)}
    assert found - {"بظربات", "بضربات"} <= {
        "بضربات"[:i] + "بضربات"[i] * n + "بضربات"[i + 1 :] for i in range(6) for n in (0, 2)
    }
    assert "بظربات" in found
    assert all(new.count(" ") >= 1 for new in changes(text, trigger))


def test_words_join_only_where_no_span_has_an_edge_between_them() -> None:
    text = "قال وزير الخارجية"
    agent = Span.of(text, 4, 17)
    # قال is too short to get a typo; وزير and الخارجية lie in the same span.
    found = changes(text, Event("T", Span.of(text, 0, 3), (Argument("Agent", agent),)))
    assert "قال وزيرالخارجية" in found
    cut = (Argument("Agent", Span.of(text, 4, 8)), Argument("Topic", Span.of(text, 9, 17)))
    assert "قال وزيرالخارجية" not in changes(text, Event("T", Span.of(text, 0, 3), cut))
    assert "وزيرالخارجية" not in changes("وزير الخارجية", Event("T", Span(0, 4, "وزير")))
    assert "وزيرالخارجية" not in changes("وزير الخارجية", Event("T", Span(5, 13, "الخارجية")))
    for text in ("وزير\nالخارجية", "وزير  الخارجية", "وزير 2015"):
        assert all(len(forms(new)) >= 2 for new in changes(text))


def test_a_span_keeps_both_parts_of_a_split_word() -> None:
    text = "قتل متظاهرون"
    event = Event("T", Span.of(text, 0, 3), (Argument("Victim", Span.of(text, 4, 12)),))
    split = [WORN(Document(text, (event,)), rng(seed)) for seed in range(100)]
    parts = {d.events[0].arguments[0].span.text for d in split if d.text.count(" ") == 2}
    assert parts == {"متظاهرون"[:n] + " " + "متظاهرون"[n:] for n in range(2, 7)}


def test_the_share_of_words_with_typos_is_the_one_asked_for() -> None:
    document = Document(" ".join(["متظاهرون"] * 2000))
    change = augment([], typos=0.1, swaps=0.0)
    assert change is not None
    new = change(document, rng())
    wrong = 2000 - forms(new.text).count("متظاهرون")
    assert 150 < wrong < 300  # a word joined with the next spoils two


# ---------------------------------------------------------------------- swaps


def attack(agent: str, place: str, *, rest: str = "") -> Document:
    text = f"قصفت {agent} {place}{rest}"
    at = len(f"قصفت {agent} ")
    arguments = (
        Argument("Agent", Span.of(text, 5, 5 + len(agent))),
        Argument("Place", Span.of(text, at, at + len(place))),
    )
    return Document(text, (Event("Conflict.Attack", Span.of(text, 0, 4), arguments),))


POOL = [attack("روسيا", "حلب"), attack("الجيش", "إدلب"), attack("وزير الدفاع", "ببغداد"), attack("سلاح الجو", "بغداد")]
SWAP = augment(POOL, typos=0.0, swaps=1.0)
assert SWAP is not None


@settings(deadline=None)
@given(st.lists(documents(), min_size=1, max_size=4), st.integers(0, 2**31))
def test_swaps_leave_sound_documents(pool: list[Document], seed: int) -> None:
    change = augment(pool, typos=0.0, swaps=1.0)
    assert change is not None
    for document in pool:
        new = change(document, rng(seed))
        check_sound(document, new)
        assert [e.trigger.text for e in new.events] == [e.trigger.text for e in document.events]
        assert new == change(document, rng(seed))
        assert (new is document) == (new.text == document.text)


def test_arguments_come_from_the_same_role_length_and_preposition() -> None:
    found = {SWAP(POOL[0], rng(seed)).text for seed in range(200)}
    assert found == {f"قصفت {who} {where}" for who in ("روسيا", "الجيش") for where in ("حلب", "إدلب", "بغداد")} - {
        POOL[0].text
    }
    assert {SWAP(POOL[2], rng(seed)).text for seed in range(50)} == {"قصفت سلاح الجو ببغداد", POOL[2].text}


def test_every_occurrence_changes_alike_and_other_words_stay() -> None:
    text = "قصفت روسيا حلب ثم انسحبت روسيا من مدينة حلب وحلبجة"
    first = Event(
        "A", Span.of(text, 0, 4), (Argument("Agent", Span.of(text, 5, 10)), Argument("Place", Span.of(text, 11, 14)))
    )
    start = text.index("مدينة")
    second = Event(
        "B",
        Span.of(text, 18, 24),
        (Argument("Agent", Span.of(text, 25, 30)), Argument("Origin", Span.of(text, start, start + 9))),
    )
    document = Document(text, (first, second))
    seen = set()
    for seed in range(100):
        new = SWAP(document, rng(seed))
        check_sound(document, new)
        (agent, place), (again, origin) = ([a.span.text for a in e.arguments] for e in new.events)
        assert again == agent
        assert origin == "مدينة " + place
        assert new.text == f"قصفت {agent} {place} ثم انسحبت {agent} من مدينة {place} وحلبجة"
        seen.add((agent, place))
    assert seen == {(a, p) for a in ("روسيا", "الجيش") for p in ("حلب", "إدلب", "بغداد")} - {("روسيا", "حلب")}


def test_a_string_that_other_spans_cut_is_left_alone() -> None:
    text = "قصفت سلاح الجو حلب"
    agent, part = Argument("Agent", Span.of(text, 5, 14)), Argument("Target", Span.of(text, 5, 9))
    document = Document(text, (Event("A", Span.of(text, 0, 4), (agent, part)),))
    assert all(SWAP(document, rng(seed)) is document for seed in range(50))


def test_roles_of_clauses_are_no_pool() -> None:
    text = "ناقش الطرفان سبل وقف إطلاق النار في المدينة القديمة"
    long, short = Argument("Topic", Span.of(text, 13, len(text))), Argument("Topic", Span.of(text, 5, 12))
    topics = [Document(text, (Event("A", Span.of(text, 0, 4), (long, short)),))] * 2
    change = augment(topics, typos=0.0, swaps=1.0)
    assert change is not None
    assert change(topics[0], rng()) is topics[0]


def test_swaps_happen_as_often_as_asked_for() -> None:
    change = augment(POOL, typos=0.0, swaps=0.3)
    assert change is not None
    changed = sum(change(POOL[0], rng(seed)) is not POOL[0] for seed in range(500))
    assert 100 < changed < 200


# ---------------------------------------------------------------------- augment


def test_nothing_to_do_is_none() -> None:
    assert augment(POOL, typos=0.0, swaps=0.0) is None


@pytest.mark.parametrize(("typos", "swaps"), [(-0.1, 0.0), (1.1, 0.0), (0.0, 2.0), (float("nan"), 0.0)])
def test_shares_outside_of_zero_to_one_are_refused(typos: float, swaps: float) -> None:
    with pytest.raises(ConfigError, match="expected a probability from 0 to 1"):
        augment(POOL, typos=typos, swaps=swaps)


@pytest.fixture(scope="module")
def dev() -> list[Document]:
    return read_jsonl(SEEDS / "dev.jsonl", Ontology.default())


def test_augmented_paragraphs_decode_back_to_their_events(dev: list[Document]) -> None:
    ontology, tokenizer = Ontology.default(), WordTokenizer(tiny_tokenizer(), max_length=512)
    change = augment(dev, typos=0.1, swaps=0.8)
    assert change is not None
    new = [change(document, rng(number)) for number, document in enumerate(dev)]
    for before, after in zip(dev, new, strict=True):
        check_sound(before, after)
        after.check(ontology)
    assert sum(a is not b for a, b in zip(dev, new, strict=True)) > 150
    predicted = [oracle(document, tokenizer, ontology)[0] for document in new]
    scores = score(new, predicted, ontology, bootstrap=0)
    assert scores.measures["TC"].f1 == 1
    assert scores.measures["AC+"].f1 >= 0.995


# ---------------------------------------------------------------------- measuring robustness


@settings(deadline=None)
@given(documents(), st.integers(0, 2**31))
def test_spelling_variants_are_undone_by_normalisation(document: Document, seed: int) -> None:
    new = spelling_variants(document, rng(seed))
    check_sound(document, new)
    assert forms(new.text) == forms(document.text)
    before, after = ([len(words(text[a:b])) for a, b in sentences(text)] for text in (document.text, new.text))
    assert before == after
    assert new == spelling_variants(document, rng(seed))
    assert (new is document) == (new.text == document.text)


def test_spelling_variants_of_every_kind_occur(dev: list[Document]) -> None:
    new = "".join(spelling_variants(document, rng(number)).text for number, document in enumerate(dev[:20]))
    old = "".join(document.text for document in dev[:20])
    for sign in "\u064e\u0640\u0663\ufe8d":
        assert sign in new
        assert sign not in old
    assert new.count("أ") < old.count("أ")
    assert new.count("ة") < old.count("ة")


def test_spelling_variants_keep_the_sentences_of_the_corpus(dev: list[Document]) -> None:
    for number, document in enumerate(dev):
        new = spelling_variants(document, rng(number))
        assert [s.text for s in with_sentences(new).sentences] == [s.text for s in new.sentences]


@settings(deadline=None)
@given(documents(), st.integers(0, 2**31), st.integers(1, 8))
def test_typo_makes_at_most_one_in_so_many_words(document: Document, seed: int, every: int) -> None:
    new = typo(document, rng(seed), every)
    check_sound(document, new)
    assert new == typo(document, rng(seed), every)
    assert (new is document) == (new.text == document.text)
    old, forms_now = forms(document.text), forms(new.text)
    blocks = -(-len(old) // every)
    assert abs(len(old) - len(forms_now)) <= blocks
    assert sum(form not in forms_now for form in old) <= 2 * blocks


def test_typo_makes_one_in_fifteen_words() -> None:
    document = Document(" ".join(["متظاهرون"] * 1500))
    made = {1500 - forms(typo(document, rng(seed)).text).count("متظاهرون") for seed in range(3)}
    assert all(90 <= count <= 200 for count in made)


def test_typo_refuses_nonsense() -> None:
    with pytest.raises(ConfigError, match="every 0"):
        typo(SMALL, rng(), every=0)
