"""The lexicon coder on sentences made for it, and the stock classifiers on a tiny encoder made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ahdath.baselines import (
    Encoded,
    LexiconCoder,
    StockOptions,
    stock_sentence_baseline,
    stock_token_baseline,
)
from ahdath.baselines.coder import Entry, _best_threshold, _shares
from ahdath.baselines.cues import Cues
from ahdath.baselines.phrases import Phrases
from ahdath.baselines.reading import Stemmer, read
from ahdath.baselines.stock import _best_threshold as best_probability
from ahdath.baselines.stock import _bio, _collate, _pieces, _with_events
from ahdath.corpus import with_sentences
from ahdath.errors import AlignmentError, ConfigError, DataError
from ahdath.evaluation import evaluate
from ahdath.metrics import score
from ahdath.schema import Argument, Document, Event, Span

ATTACK, DIE, TRAVEL = "Conflict.Attack", "Life.Die", "Movement.Travel"
Spec = tuple[str, str, Sequence[tuple[str, str]]]


def document(text: str, *specs: Spec, modality: str = "asserted", id: str = "") -> Document:
    def place(words: str) -> Span:
        return Span.of(text, text.index(words), text.index(words) + len(words))

    events = tuple(
        Event(type, place(trigger), tuple(Argument(role, place(w)) for role, w in args), modality=modality)
        for type, trigger, args in specs
    )
    return with_sentences(Document(text, events, id=id))


FORCES = ("القوات", "الطائرات", "المدفعية", "الفصائل")
TOWNS = ("حلب", "حمص", "درعا", "إدلب", "حماة", "الرقة")


def training() -> list[Document]:
    found = []
    for force in FORCES:
        for town in TOWNS:
            found.append(
                document(
                    f"قصفت {force} بلدة {town}.",
                    (ATTACK, "قصفت", [("Agent", force), ("Target", f"بلدة {town}")]),
                )
            )
            found.append(document(f"لن يزور الوزير {town}.", (TRAVEL, "يزور", [("Agent", "الوزير")]), modality="other"))
            found.append(document(f"وصل وزير النفط إلى {town}.", (TRAVEL, "وصل", [("Destination", town)])))
            found.append(document(f"اغتيال قائد في {town}.", (ATTACK, "اغتيال", []), (DIE, "اغتيال", [])))
            found.append(document(f"استعادة السيطرة على {town}.", ("Conflict.SeizeControl", "استعادة السيطرة", [])))
            found.append(document(f"السيطرة غائبة عن {town}."))
    return found


@pytest.fixture(scope="module")
def coder() -> LexiconCoder:
    return LexiconCoder.fit(training())


def answer(coder: LexiconCoder, text: str) -> Document:
    return next(coder.classify_many([text]))


# ---------------------------------------------------------------------------- lexicon coder


def test_a_stem_is_found_under_a_conjunction(coder: LexiconCoder) -> None:
    found = answer(coder, "وقصفت الفصائل بلدة حلب.")
    assert [(e.type, e.trigger.text) for e in found.events] == [(ATTACK, "وقصفت")]
    assert found.events[0].score == pytest.approx(25 / 26), "(24 right + 1) / (24 occurrences + 2)"


def test_nearest_phrases_become_arguments(coder: LexiconCoder) -> None:
    arguments = answer(coder, "قصفت المدفعية بلدة الرقة.").events[0].arguments
    assert [(a.role, a.span.text) for a in arguments] == [("Agent", "المدفعية"), ("Target", "بلدة الرقة")]
    arguments = answer(coder, "وصل وزير النفط إلى درعا.").events[0].arguments
    assert [(a.role, a.span.text) for a in arguments] == [("Destination", "درعا")]


def test_a_word_can_have_two_types(coder: LexiconCoder) -> None:
    found = answer(coder, "اغتيال قائد في حماة.")
    assert {(e.type, e.trigger.text) for e in found.events} == {(ATTACK, "اغتيال"), (DIE, "اغتيال")}


def test_an_expression_is_found_whole_and_its_words_alone_are_not(coder: LexiconCoder) -> None:
    assert [e.trigger.text for e in answer(coder, "استعادة السيطرة على حمص.").events] == ["استعادة السيطرة"]
    assert answer(coder, "السيطرة غائبة عن حمص.").events == ()


def test_cues_before_the_trigger_decide_attributes(coder: LexiconCoder) -> None:
    assert answer(coder, "لن يزور الوزير حلب.").events[0].modality == "other"
    assert answer(coder, "قصفت القوات بلدة حلب.").events[0].modality == "asserted"


def test_sentences_have_the_types_of_their_triggers(coder: LexiconCoder) -> None:
    found = answer(coder, "قصفت القوات بلدة حلب. السيطرة غائبة عن حمص.")
    assert [s.types for s in found.sentences] == [(ATTACK,), ()]
    assert found.model == "lexicon-coder"


def test_gold_triggers_are_kept_and_the_rest_predicted(coder: LexiconCoder) -> None:
    odd = document("هوجمت القوات بلدة حلب.", (ATTACK, "هوجمت", [("Place", "حلب")]), modality="other", id="n")
    (found,) = coder.with_gold_triggers([odd])
    assert (found.id, found.sentences) == ("n", odd.sentences)
    (event,) = found.events
    assert (event.type, event.trigger, event.modality) == (ATTACK, odd.events[0].trigger, "asserted")
    assert [(a.role, a.span.text) for a in event.arguments] == [("Agent", "القوات"), ("Target", "بلدة حلب")]


def test_the_coder_is_perfect_on_what_it_saw(coder: LexiconCoder) -> None:
    report = evaluate(coder, training(), bootstrap=0)
    assert report.scores.measures["TC"].f1 == 1.0
    assert report.scores.false_alarms.events == 0
    assert report.scores.attributes["modality"].accuracy.value == 1.0
    assert report.gold_triggers is not None
    assert report.gold_triggers.measures["AC+"].f1 > 0.7


def test_fitting_twice_gives_the_same_answers(coder: LexiconCoder) -> None:
    again = LexiconCoder.fit(training())
    texts = [d.text for d in training()]
    assert list(again.classify_many(texts)) == list(coder.classify_many(texts))


def test_texts_without_words(coder: LexiconCoder) -> None:
    assert [d.events for d in coder.classify_many(["", " \n", "…", "\u0640"])] == [()] * 4


def test_answers_stream(coder: LexiconCoder) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "قصفت القوات بلدة حلب."

    assert next(coder.classify_many(endless())).events


def test_a_stem_of_ones_own() -> None:
    coder = LexiconCoder.fit(training(), stem=lambda form: form[:2])
    assert [e.trigger.text for e in answer(coder, "قصائد كثيرة").events] == ["قصائد"]


def test_bad_training_data_is_refused() -> None:
    with pytest.raises(DataError, match="none of 1 documents has an event"):
        LexiconCoder.fit([Document("نص")])
    with pytest.raises(AlignmentError, match="word edges"):
        LexiconCoder.fit([document("قصفت القوات", (ATTACK, "صفت", []))])


def test_shares_are_smoothed_and_a_second_type_needs_half() -> None:
    assert _shares({ATTACK: 3, DIE: 1, TRAVEL: 0}, 4) == [(ATTACK, 4 / 6)]
    assert _shares({ATTACK: 2, DIE: 3}, 4) == [(DIE, 4 / 6), (ATTACK, 3 / 6)]
    assert _shares({}, 4) == []


def test_the_threshold_leaves_the_judged_document_out() -> None:
    # a is a trigger in all of its three documents, b in one of two, c in its only one
    a: Entry = ("a",)
    b: Entry = ("b",)
    c: Entry = ("c",)
    rows: list[Mapping[Entry, tuple[int, Counter[str]]]] = [
        {a: (1, Counter([ATTACK]))},
        {a: (1, Counter([ATTACK]))},
        {a: (1, Counter([ATTACK]))},
        {b: (1, Counter([DIE]))},
        {b: (1, Counter())},
        {c: (1, Counter([DIE]))},
    ]
    lexicon = {a: Counter({ATTACK: 3}), b: Counter({DIE: 1}), c: Counter({DIE: 1})}
    total = {a: 3, b: 2, c: 1}
    # Without its own document a has (2 + 1) / (2 + 2), right three times; b has (1 + 1) / (1 + 2) in the one
    # where it is a plain word, wrong, and nothing in the other; c has nothing to go by.
    assert _best_threshold(lexicon, total, rows) == 3 / 4


def test_conjunctions_are_cut_only_from_known_words() -> None:
    stemmer = Stemmer(lambda form: form, {"قصفت": 1, "زيره": 0, "طن": 1})
    assert stemmer("وقصفت") == "قصفت"
    assert stemmer("وزير") == "وزير"
    assert stemmer("وطن") == "وطن", "two letters are no word to cut to"


def test_phrases_end_at_punctuation_prepositions_conjunctions_and_verbs() -> None:
    phrases = Phrases(Stemmer(lambda form: form, {"حمص": 1, "حلب": 1}))
    learned = read("قصفت القوات في بلدة حلب وحمص")
    phrases.add(learned, [(1, 2), (3, 5), (5, 6)])
    reading = read("قصفت القوات في بلدة حلب وحمص، يقول سكان حمص. القوات")
    found = [
        (reading.text[reading.spans[p.first][0] : reading.spans[p.last - 1][1]], p.before)
        for p in phrases.around(reading, (0, 1))
    ]
    assert found == [("القوات", "trigger"), ("بلدة حلب", "في"), ("وحمص", "و+"), ("سكان حمص", "يقول")]


def test_cues_reach_three_words_within_the_sentence() -> None:
    cues = Cues({"modality": "asserted", "polarity": "positive"})
    stemmer = Stemmer(lambda form: form, {})
    for text in ("لن تقصف", "لن ترحل", "لن تدخل"):
        cues.add(read(text), stemmer, 1, {"modality": "other", "polarity": "negative"})
    both = {"modality": "other", "polarity": "negative"}
    assert cues.judge(read("لن او ثم تعود"), stemmer, 3) == both
    assert cues.judge(read("لن او ثم قد تعود"), stemmer, 4) == cues.defaults, "four words before"
    assert cues.judge(read("يقول لن. تعود"), stemmer, 3) == cues.defaults, "another sentence"


# ---------------------------------------------------------------------------- stock classifiers

TEXTS = [
    document("قصفت القوات حلب. نام الوزير.", (ATTACK, "قصفت", [])),
    document("زار الوزير حلب. أطلقت القوات النار.", (TRAVEL, "زار", []), (ATTACK, "أطلقت القوات", [])),
    document("نام الوزير."),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of width 32 and a tokenizer that knows the words of TEXTS."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    known = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *sorted({w for d in TEXTS for w in d.text.replace(".", " .").split()}),
    ]
    vocabulary = {word: number for number, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = tmp_path_factory.mktemp("encoder")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=24,
        type_vocab_size=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    return folder


OPTIONS = StockOptions(epochs=30, learning_rate=5e-3, batch_size=4)


def test_stock_token_classifier_learns_its_training_triggers(encoder: Path) -> None:
    found = stock_token_baseline(TEXTS * 2, TEXTS, encoder, options=OPTIONS)
    assert score(TEXTS, found, bootstrap=0).measures["TC"].f1 == 1.0
    assert [s.types for s in found[1].sentences] == [(TRAVEL,), (ATTACK,)]
    assert all(0.5 < e.score <= 1.0 and not e.arguments for d in found for e in d.events)


def test_stock_sentence_classifier_learns_its_training_sentences(encoder: Path) -> None:
    found = stock_sentence_baseline(TEXTS * 2, TEXTS, encoder, dev=TEXTS, options=OPTIONS)
    assert score(TEXTS, found, bootstrap=0).measures["sentence types"].f1 == 1.0
    assert all(d.events == () for d in found)
    scores = found[0].sentences[0].scores
    assert scores is not None
    assert scores[ATTACK] > scores[TRAVEL]


def test_stock_baselines_take_pieces_of_ones_own(encoder: Path) -> None:
    asked: list[list[str]] = []

    def encode(forms: list[str]) -> Encoded:
        asked.append(forms)  # every word two pieces, as a word cut into stem and clitic would be
        ids = [2, *(4 + n % 2 for n in range(2 * len(forms))), 3]
        return Encoded(ids, [None, *(n // 2 for n in range(2 * len(forms))), None], [1] * len(ids))

    options = replace(OPTIONS, epochs=1)
    found = stock_token_baseline(TEXTS, TEXTS, encoder, encode=encode, options=options)
    assert [d.text for d in found] == [d.text for d in TEXTS]
    assert asked[0] == ["قصفت", "القوات", "حلب", ".", "نام", "الوزير", "."]
    found = stock_sentence_baseline(TEXTS, TEXTS, encoder, encode=encode, options=options)
    assert [len(d.sentences) for d in found] == [2, 2, 1]


def test_stock_baselines_answer_empty_and_long_texts(encoder: Path) -> None:
    long = Document("قصفت القوات حلب " * 40)
    options = replace(OPTIONS, epochs=1)
    for baseline in (stock_token_baseline, stock_sentence_baseline):
        found = baseline(TEXTS, [Document(""), long], encoder, options=options)
        assert [d.text for d in found] == ["", long.text]
        assert baseline(TEXTS, [], encoder, options=options) == []


def word_pieces(forms: list[str]) -> Encoded:
    """[CLS], as many pieces as a word has letters, [SEP]."""
    owners = [number for number, form in enumerate(forms) for _ in form]
    return Encoded([2, *[5] * len(owners), 3], [None, *owners, None])


def test_pieces_halve_what_does_not_fit_and_lose_no_word() -> None:
    forms = ["اب", "ج", "دهو", "ز", "حط"]
    found = list(_pieces([forms, [], ["ي"]], word_pieces, limit=6))
    assert [(p.owner, p.first, p.heads) for p in found] == [
        (0, 0, (1, 3)),
        (0, 2, (1,)),
        (0, 3, (1, 2)),
        (2, 0, (1,)),
    ]
    (endless,) = _pieces([["ابجدهوزح"]], word_pieces, limit=6)
    assert (len(endless.encoded.input_ids), endless.heads) == (6, (1,))


def test_a_word_without_pieces_has_no_head() -> None:
    (piece,) = _pieces([["اب", "ـ"]], lambda forms: Encoded([2, 5, 3], [None, 0, None]), limit=9)
    assert piece.heads == (1, None)


def test_bio_labels_give_one_type_a_word_and_come_back_as_events() -> None:
    text = TEXTS[1]
    marks = _bio(text)
    assert marks == [f"B-{TRAVEL}", "O", "O", "O", f"B-{ATTACK}", f"I-{ATTACK}", "O", "O"]
    back = _with_events(text, [(mark, 0.8) for mark in marks])
    assert [(e.type, e.trigger.text, e.score) for e in back.events] == [
        (TRAVEL, "زار", 0.8),
        (ATTACK, "أطلقت القوات", 0.8),
    ]
    two = document("اغتيال قائد", (DIE, "اغتيال", []), (ATTACK, "اغتيال", []))
    assert _bio(two) == [f"B-{DIE}", "O"]


def test_an_inside_label_that_continues_nothing_begins_an_event() -> None:
    marks = [f"I-{ATTACK}", f"I-{ATTACK}", f"I-{DIE}", f"B-{DIE}", "O"]
    found = _with_events(Document("ا ب ج د ه"), [(mark, 0.9) for mark in marks])
    assert [(e.type, e.trigger.text) for e in found.events] == [(ATTACK, "ا ب"), (DIE, "ج"), (DIE, "د")]


def test_collated_batches_literally() -> None:
    examples = [
        {"input_ids": [2, 7, 3], "token_type_ids": [0, 1, 0], "labels": [-100, 1, -100]},
        {"input_ids": [2, 3], "token_type_ids": [0, 0], "labels": [-100, -100]},
    ]
    batch = {name: tensor.tolist() for name, tensor in _collate(examples, 9, True).items()}
    assert batch == {
        "input_ids": [[2, 7, 3], [2, 3, 9]],
        "attention_mask": [[1, 1, 1], [1, 1, 0]],
        "token_type_ids": [[0, 1, 0], [0, 0, 0]],
        "labels": [[-100, 1, -100], [-100, -100, -100]],
    }
    sentences = [{"input_ids": [2, 3], "labels": [0.0, 1.0]}, {"input_ids": [2, 3], "labels": [0.0, 0.0]}]
    assert _collate(sentences, 0, False)["labels"].tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_best_probability_for_micro_f1() -> None:
    chances = np.array([[0.9, 0.2], [0.4, 0.4], [0.1, 0.3]])
    gold = np.array([[True, False], [True, False], [False, False]])
    assert best_probability(chances, gold) == 0.4
    assert best_probability(chances, np.zeros_like(gold)) == 0.5
    assert best_probability(np.zeros((0, 2)), np.zeros((0, 2), dtype=bool)) == 0.5


def test_stock_options_and_data_are_checked(encoder: Path) -> None:
    with pytest.raises(ConfigError, match=r"StockOptions\.epochs: expected more than 0, found 0"):
        StockOptions(epochs=0)
    with pytest.raises(DataError, match="none of 1 documents has an event"):
        stock_token_baseline([Document("نص")], TEXTS, encoder)
