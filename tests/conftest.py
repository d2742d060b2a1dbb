"""Tiny encoders, models and annotated paragraphs, all built in memory or in a temporary folder, never fetched."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import hypothesis
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from ahdath.corpus import write_jsonl
from ahdath.inference import EventExtractor
from ahdath.lexicon import AFFIXES, StemLexicon, normalized_words
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.streams import build_tokenizer
from ahdath.text import sentences
from ahdath.training import TrainConfig, build_extractor
from tiny import vocabulary

# Timings belong into benchmarks: a slow machine fails no test.
hypothesis.settings.register_profile("offline", deadline=None)
hypothesis.settings.load_profile("offline")


def event(text: str, kind: str, trigger: str, *arguments: tuple[str, str], **attributes: Any) -> Event:
    """An event of `text` whose spans are named by their words (the first place where they stand)."""

    def span(part: str) -> Span:
        start = text.index(part)
        return Span.of(text, start, start + len(part))

    made = tuple(Argument(role, span(part)) for role, part in arguments)
    return Event(kind, span(trigger), made, **attributes)


def document(name: str, text: str, *events: Event) -> Document:
    """A document with its sentences, their types taken from the events, as the corpus has them."""
    found = tuple(
        Sentence(a, b, text[a:b], tuple(sorted({e.type for e in events if a <= e.trigger.start < b})))
        for a, b in sentences(text)
    )
    return Document(text, events, found, id=name)


def paragraphs() -> list[Document]:
    """Eight short paragraphs, written for these tests: expressions of two words, two events on a word, none at all."""
    shelled = "قصفت القوات السورية مدينة تلبيسة أمس. وأصيب خمسة مدنيين في القصف."
    met = "التقى وزير الخارجية الروسي نظيره التركي في جنيف."
    arrested = "اعتقلت الشرطة ثلاثة متظاهرين في تونس يوم الجمعة."
    resigned = "استقال رئيس الوزراء من منصبه، ولم يعين الملك خلفا له."
    quake = "ضرب زلزال شمال الجزائر فجر اليوم وقتل أربعة أشخاص."
    truce = "اتفق الطرفان على وقف إطلاق النار في حلب. ونفى المتحدث سحب قواته من المدينة."
    murder = "اغتيال قائد الشرطة في بغداد."
    none = "الطقس معتدل في العاصمة اليوم، والحركة عادية."
    return [
        document(
            "tiny-1",
            shelled,
            event(shelled, "Conflict.Attack", "قصفت", ("Agent", "القوات السورية"), ("Target", "مدينة تلبيسة"), ("Time", "أمس")),
            event(shelled, "Life.Injure", "وأصيب", ("Victim", "خمسة مدنيين")),
        ),
        document(
            "tiny-2",
            met,
            event(
                met, "Contact.Meet", "التقى", ("Participant", "وزير الخارجية الروسي"), ("Participant", "نظيره التركي"),
                ("Place", "جنيف"),
            ),
        ),
        document(
            "tiny-3",
            arrested,
            event(
                arrested, "Justice.Arrest", "اعتقلت", ("Agent", "الشرطة"), ("Target", "ثلاثة متظاهرين"), ("Place", "تونس"),
                ("Time", "يوم الجمعة"),
            ),
        ),
        document(
            "tiny-4",
            resigned,
            event(resigned, "Personnel.Leave", "استقال", ("Target", "رئيس الوزراء")),
            event(resigned, "Personnel.Appoint", "يعين", ("Agent", "الملك"), polarity="negative"),
        ),
        document(
            "tiny-5",
            quake,
            event(quake, "Disaster.Natural", "زلزال", ("Place", "شمال الجزائر"), ("Time", "فجر اليوم")),
            event(quake, "Life.Die", "وقتل", ("Victim", "أربعة أشخاص")),
        ),
        document(
            "tiny-6",
            truce,
            event(truce, "Conflict.Ceasefire", "وقف إطلاق النار", ("Participant", "الطرفان"), ("Place", "حلب")),
            event(truce, "Conflict.Withdraw", "سحب", ("Object", "قواته"), ("Origin", "المدينة"), modality="other"),
        ),
        document(
            "tiny-7",
            murder,
            event(murder, "Conflict.Attack", "اغتيال", ("Target", "قائد الشرطة"), ("Place", "بغداد")),
            event(murder, "Life.Die", "اغتيال", ("Victim", "قائد الشرطة"), ("Place", "بغداد")),
        ),
        document("tiny-8", none),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    return paragraphs()


@pytest.fixture(scope="session")
def corpus_file(documents: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight paragraphs as a JSONL file, as `train` and `dev` of a run name it."""
    path = tmp_path_factory.mktemp("corpus") / "tiny.jsonl"
    write_jsonl(path, documents)
    return path


def _encoder(folder: Path, pieces: int, **settings: Any) -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=pieces, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=96, **settings,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)


@pytest.fixture(scope="session")
def embedded_encoder(documents: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the one that `ahdath pretrain` writes: encoder, tokenizer, stem lexicon, vectors."""
    folder = tmp_path_factory.mktemp("encoder")
    counts = Counter(word for one in documents for word in normalized_words(one.text))
    lexicon = StemLexicon.train(counts, size=60)
    lexicon.save(folder / "lexicon.json")
    stems = Counter({lexicon.segment(word).stem: count for word, count in counts.items()})
    tokenizer = build_tokenizer(stems, 200, 96)
    tokenizer.save_pretrained(folder)
    vectors = np.random.default_rng(0).normal(size=(len(lexicon.stems), 16)).astype(np.float32)
    np.save(folder / "vectors.npy", vectors)
    _encoder(folder, len(tokenizer), type_vocab_size=len(AFFIXES))
    return folder


@pytest.fixture(scope="session")
def arabert_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like aubmindlab/bert-base-arabertv02: vocab.txt, `do_lower_case: false`, no tokenizer.json."""
    folder = tmp_path_factory.mktemp("arabertv02")
    pieces = vocabulary("القوات", "مدينة", "أمس", "الشرطة", "،")
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    told = {"do_lower_case": False, "max_len": 512, "do_basic_tokenize": True, "never_split": ["[بريد]", "[مستخدم]", "[رابط]"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    _encoder(folder, len(pieces))
    return folder


@pytest.fixture(scope="session")
def tiny_settings(embedded_encoder: Path, arabert_encoder: Path, corpus_file: Path) -> Callable[..., TrainConfig]:
    """`tiny_settings("embedded" or "arabert", output, **changes)`: settings of a run on the tiny encoders."""

    def settings(kind: str, output: Path | str = "unused", **changes: Any) -> TrainConfig:
        own = {"embedded": {"encoder": str(embedded_encoder), "spelling": "ahdath", "segmentation": True,
                            "lexical_features": True, "ngram_buckets": 256},
               "arabert": {"encoder": str(arabert_encoder), "spelling": "arabert"}}[kind]  # fmt: skip
        base: dict[str, Any] = {"train": str(corpus_file), "dev": str(corpus_file), "output": str(output), "word_size": 32,
                                "context_size": 32, "pair_size": 32, "batch_size": 4, "bf16": False}  # fmt: skip
        return TrainConfig(**{**base, **own, **changes})

    return settings


@pytest.fixture(scope="session")
def noisy(tiny_settings: Callable[..., TrainConfig]) -> Callable[..., EventExtractor]:
    """`noisy(kind)`: an untrained extractor that finds many events, argument spans and attributes, by seed."""

    def build(kind: str = "embedded", seed: int = 0, **changes: Any) -> EventExtractor:
        torch.manual_seed(seed)
        extractor = build_extractor(tiny_settings(kind, **changes))
        model = extractor.model
        with torch.no_grad():  # scores far apart, so that the last bits of a float decide nothing
            for name, layer, factor in (("trigger", model.trigger[-1], 15), ("tags", model.pairs.tags, 15),
                                        ("values", model.pairs.values[-1], 15), ("sentence", model.sentence_values, 8)):  # fmt: skip
                layer.weight.mul_(factor)
                layer.bias.normal_(std=0.5, generator=torch.Generator().manual_seed(len(name)))
            model.trigger[-1].bias.sub_(17)
            model.sentence_values.bias.sub_(3)
        return extractor

    return build


@pytest.fixture(scope="session")
def embedded(noisy: Callable[..., EventExtractor]) -> EventExtractor:
    """One noisy extractor on the embedded-like encoder, shared by tests that only read with it."""
    return noisy("embedded")


@pytest.fixture(scope="session")
def arabert(noisy: Callable[..., EventExtractor]) -> EventExtractor:
    return noisy("arabert")


@pytest.fixture(autouse=True)
def _same_dice() -> None:
    """No test depends on which tests ran before it."""
    torch.manual_seed(0)
