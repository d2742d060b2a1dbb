"""Gold documents as arrays, and the oracle: what a perfect model could reach through labels and decoder."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub

import numpy as np
import pytest

from ahdath.corpus import read_jsonl
from ahdath.errors import AlignmentError, OntologyError
from ahdath.labels import WindowLabels, label_window
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.tokenization import WordTokenizer
from tiny import oracle, tiny_tokenizer

SEEDS = Path(__file__).parents[1] / "seeds"
ONTOLOGY = Ontology.from_dict(
    {
        "version": 1,
        "types": {
            "Attack": {"definition": "someone attacks", "roles": ["Agent", "Target"]},
            "Truce": {"definition": "weapons rest", "roles": ["Agent"]},
        },
        "roles": {"Agent": {"definition": "who does it"}, "Target": {"definition": "what is hit"}},
        "attributes": {"modality": {"values": ["asserted", "other"]}, "polarity": {"values": ["positive", "negative"]}},
    }
)
TOKENIZER = WordTokenizer(tiny_tokenizer(), max_length=256)
TEXT = "لم تقصف طائرات روسية حلب. أعلن وقف إطلاق النار"


def span(part: str) -> Span:
    return Span.of(TEXT, TEXT.index(part), TEXT.index(part) + len(part))


def labels(*events: Event) -> WindowLabels:
    (window,), _ = TOKENIZER.windows(TEXT)
    return label_window(window, Document(TEXT, events), ONTOLOGY)


ATTACK = Event(
    "Attack",
    span("تقصف"),
    (Argument("Agent", span("طائرات روسية")), Argument("Target", span("حلب"))),
    polarity="negative",
)
TRUCE = Event("Truce", span("وقف إطلاق النار"), modality="other")


def test_labels_of_two_events() -> None:
    found = labels(ATTACK, TRUCE)
    # words:  لم تقصف طائرات روسية حلب . أعلن وقف إطلاق النار
    assert found.trigger.T.tolist() == [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]
    assert found.continuation.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    assert found.mention.tolist() == [0, 0, 1, 2, 1, 0, 0, 0, 0, 0]
    assert found.sentence.tolist() == [[1, 0], [0, 1]]
    assert found.lost == 0
    attack, truce = found.events
    assert (attack.first, attack.last, attack.type) == (1, 2, 0)
    assert (truce.first, truce.last, truce.type) == (7, 10, 1)
    assert attack.tags.tolist() == [0, 0, 1, 2, 3, 0, 0, 0, 0, 0]
    assert truce.tags.tolist() == [0] * 10
    assert attack.attributes.tolist() == [0, 1]
    assert truce.attributes.tolist() == [1, 0]


def test_a_document_without_events_has_empty_labels() -> None:
    found = labels()
    assert found.trigger.shape == (10, 2)
    assert not found.trigger.any()
    assert found.sentence.tolist() == [[0, 0], [0, 0]]
    assert found.events == ()


def test_of_two_arguments_that_overlap_the_longer_is_kept_and_the_other_counted() -> None:
    inner, outer = Argument("Target", span("روسية")), Argument("Agent", span("طائرات روسية"))
    for arguments in ((inner, outer), (outer, inner)):
        found = labels(Event("Attack", span("تقصف"), arguments))
        assert found.events[0].tags.tolist() == [0, 0, 1, 2, 0, 0, 0, 0, 0, 0]
        assert found.mention.tolist() == [0, 0, 1, 2, 0, 0, 0, 0, 0, 0]
        assert found.lost == 1


def test_two_events_may_share_an_argument() -> None:
    shared = Argument("Agent", span("طائرات روسية"))
    found = labels(Event("Attack", span("تقصف"), (shared,)), Event("Truce", span("وقف"), (shared,)))
    assert [event.tags.tolist()[2:4] for event in found.events] == [[1, 2], [1, 2]]
    assert found.mention.tolist() == [0, 0, 1, 2, 0, 0, 0, 0, 0, 0]


def test_windows_label_what_they_hold() -> None:
    body = " ".join(["قصفت حلب."] * 40)
    places = [start for start in range(len(body)) if body.startswith("قصفت", start)]
    events = tuple(
        Event("Attack", Span(a, a + 4, "قصفت"), (Argument("Target", Span(a + 5, a + 8, "حلب")),)) for a in places
    )
    document = Document(body, events)
    windows, _ = WordTokenizer(tiny_tokenizer(), max_length=128).windows(body)
    assert len(windows) > 1
    for window in windows:
        found = label_window(window, document, ONTOLOGY)
        assert len(found.events) == int(found.trigger.sum()) == sum(body[a:b] == "قصفت" for a, b in window.spans)
        assert len(found.sentence) == window.sentence[-1] - window.sentence[0] + 1
        assert found.lost == (body[slice(*window.spans[-1])] == "قصفت")


def test_an_argument_outside_of_the_window_is_counted_as_lost() -> None:
    (window,), _ = TOKENIZER.windows(TEXT[:20])
    found = label_window(window, Document(TEXT, (ATTACK,)), ONTOLOGY)
    assert found.events[0].tags.tolist() == [0, 0, 1, 2]
    assert found.lost == 1
    assert label_window(window, Document(TEXT, (TRUCE,)), ONTOLOGY).events == ()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AlignmentError, match="word edges"):
        labels(Event("Attack", span("قصف")))
    with pytest.raises(AlignmentError, match="word edges"):
        labels(Event("Attack", span("تقصف"), (Argument("Target", span("حل")),)))
    with pytest.raises(OntologyError, match="Atack"):
        labels(Event("Atack", span("تقصف")))
    with pytest.raises(OntologyError, match="Goal"):
        labels(Event("Attack", span("تقصف"), (Argument("Goal", span("حلب")),)))


# ---------------------------------------------------------------------- oracle


@pytest.mark.parametrize("name", ["train", "dev", "test", "article"])
def test_gold_survives_labels_and_decoding(name: str) -> None:
    ontology = Ontology.default()
    gold = read_jsonl(SEEDS / f"{name}.jsonl", ontology)
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=512)
    predicted, lost = zip(*(oracle(document, tokenizer, ontology) for document in gold), strict=True)
    scores = score(gold, predicted, ontology, bootstrap=0)
    f1 = {measure: 100 * one.f1 for measure, one in scores.measures.items()}
    assert f1["TI"] == f1["TC"] == 100
    assert f1["sentence types"] == f1["paragraph types"] == 100
    assert f1["AC+"] >= 99.5
    assert all(attribute.accuracy.value == 1 for attribute in scores.attributes.values())
    arguments = sum(len(event.arguments) for document in gold for event in document.events)
    assert sum(lost) <= 0.01 * arguments
    if name == "article":
        assert f1["AC+"] == 100


def test_the_oracle_can_fail() -> None:
    overlapping = Event(
        "Attack", span("تقصف"), (Argument("Target", span("روسية")), Argument("Agent", span("طائرات روسية")))
    )
    gold = Document(TEXT, (overlapping,))
    predicted, lost = oracle(gold, TOKENIZER, ONTOLOGY)
    assert lost == 1
    assert [a.role for a in predicted.events[0].arguments] == ["Agent"]
    assert np.isclose(score([gold], [predicted], ONTOLOGY, bootstrap=0).measures["AC+"].recall, 0.5)
