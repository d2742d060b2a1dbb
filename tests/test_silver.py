"""Paragraphs drawn from text, and what several models agree on in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ahdath.errors import DataError
from ahdath.schema import Argument, Document, Event, Span
from ahdath.silver import agreed, draw
from ahdath.text import words

TEXT = "قصفت الطائرات حلب. ثم اجتمع الوزراء في جنيف."


def span(part: str) -> Span:
    start = TEXT.index(part)
    return Span(start, start + len(part), part)


def event(kind: str, trigger: str, *arguments: tuple[str, str], modality: str = "asserted") -> Event:
    return Event(kind, span(trigger), tuple(Argument(role, span(part), 0.7) for role, part in arguments), modality, score=0.6)


def answer(*events: Event) -> Document:
    return Document(TEXT, events=events)


def test_events_arguments_and_attributes_of_the_majority() -> None:
    attack = ("Conflict.Attack", "قصفت")
    found = agreed(
        [
            answer(event(*attack, ("Agent", "الطائرات"), ("Place", "حلب")), event("Contact.Meet", "اجتمع")),
            answer(event(*attack, ("Agent", "الطائرات"), ("Target", "حلب"), modality="other")),
            answer(event(*attack, ("Target", "حلب"), modality="other"), event("Contact.Call", "اجتمع")),
        ]
    )
    (one,) = found.events
    assert (one.type, one.trigger.text, one.modality, one.score) == ("Conflict.Attack", "قصفت", "other", 1.0)
    assert [(a.role, a.span.text, a.score) for a in one.arguments] == [("Agent", "الطائرات", 1.0), ("Target", "حلب", 1.0)]
    assert [s.types for s in found.sentences] == [("Conflict.Attack",), ()]


def test_of_two_models_that_have_an_event_both_must_have_the_argument() -> None:
    found = agreed([answer(event("Contact.Meet", "اجتمع", ("Participant", "الوزراء"), ("Place", "جنيف"))),
                    answer(event("Contact.Meet", "اجتمع", ("Place", "جنيف"))), answer()])  # fmt: skip
    assert [(a.role, a.span.text) for a in found.events[0].arguments] == [("Place", "جنيف")]


def test_one_model_agrees_with_itself_and_an_even_split_is_no_majority() -> None:
    one = answer(event("Contact.Meet", "اجتمع", ("Place", "جنيف")))
    assert [e.type for e in agreed([one]).events] == ["Contact.Meet"]
    assert agreed([one, answer()]).events == ()


@pytest.mark.parametrize("answers", [[], [Document("نص."), Document("آخر.")]])
def test_answers_about_other_texts_are_refused(answers: list[Document]) -> None:
    with pytest.raises(DataError, match=f"about one text, found {len(answers)}"):
        agreed(answers)


def test_paragraphs_are_whole_sentences_within_the_limits() -> None:
    long = "قال الوزير إن الحكومة ستجتمع غدا في العاصمة. " * 5
    assert draw([long, long, "قصير."], 1, shortest=6, longest=18) == [("قال الوزير إن الحكومة ستجتمع غدا في العاصمة. " * 2).strip()]


@given(st.lists(st.text("ابت .\n؟", max_size=60), max_size=5), st.integers(1, 4), st.integers(4, 9), st.integers(0, 3))
def test_what_is_drawn_stands_in_the_text_within_the_limits(lines: list[str], shortest: int, longest: int, seed: int) -> None:
    lines.append(" ".join(["كلمة"] * shortest))
    (found,) = draw(lines, 1, shortest=shortest, longest=longest, seed=seed)
    assert any(found in line for line in lines)
    assert shortest <= len(words(found)) <= longest


def test_too_little_text_is_refused() -> None:
    with pytest.raises(DataError, match="expected 2 different paragraphs of 1 to 9 words, found 1; ask for fewer or add text"):
        draw(["نص واحد.", "نص واحد."], 2, shortest=1, longest=9)


def test_the_draw_is_the_seed_s() -> None:
    lines = [f"وصل الوفد رقم {number} إلى المدينة أمس." for number in range(30)]
    one, again, other = (draw(lines, 5, shortest=2, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert len(set(one)) == 5
