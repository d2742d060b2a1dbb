"""The embedded default in its engine: near torch, without torch, and the same in every company."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ahdath import EventExtractor, metrics
from ahdath.corpus import read_jsonl
from ahdath.decoding import sigmoid
from ahdath.runtime.onnx_engine import OnnxEngine
from ahdath.schema import Document
from ahdath.tokenization import collate

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def paragraphs() -> list[Document]:
    return read_jsonl(ROOT / "seeds" / "article.jsonl")


@pytest.fixture(scope="module")
def quick() -> EventExtractor:
    extractor = EventExtractor.from_pretrained()
    assert isinstance(extractor.engine, OnnxEngine)
    return extractor


def test_it_says_nearly_what_torch_says(quick: EventExtractor, paragraphs: list[Document]) -> None:
    whole = EventExtractor.from_pretrained(runtime="torch")
    texts = [document.text for document in paragraphs]
    windows = [window for text in texts for window in whole.tokenizer.windows(text)[0]]
    assert windows == [window for text in texts for window in quick.tokenizer.windows(text)[0]]
    batch = collate(windows, 0)
    mask = batch["word_mask"]
    said = [extractor.engine.read_words(batch) for extractor in (quick, whole)]
    assert np.abs(sigmoid(said[0].trigger) - sigmoid(said[1].trigger))[mask].max() < 0.05
    assert np.abs(sigmoid(said[0].continuation) - sigmoid(said[1].continuation))[mask].max() < 0.05
    answers = [list(extractor.classify_many(texts)) for extractor in (quick, whole)]
    measures = [metrics.score(paragraphs, found, quick.ontology, bootstrap=0).measures for found in answers]
    assert measures[0]["TC"].f1 > measures[1]["TC"].f1 - 0.03
    assert measures[0]["AC+"].f1 > measures[1]["AC+"].f1 - 0.03


def test_a_paragraph_has_the_same_scores_alone_and_in_a_batch(quick: EventExtractor, paragraphs: list[Document]) -> None:
    texts = [document.text for document in paragraphs]
    alone = [quick.classify(text) for text in texts]
    assert sum(len(document.events) for document in alone) > 30
    for size in (1, 4, 32):
        assert list(quick.classify_many(texts, batch_size=size)) == alone


def test_classify_loads_neither_torch_nor_transformers() -> None:
    program = (
        "import sys, ahdath\n"
        "event = ahdath.classify('قصفت القوات السورية مدينة تلبيسة أمس.').events[0]\n"
        "print(event.type, sorted({'torch', 'transformers', 'onnx', 'datasets', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-X", "utf8", "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Conflict.Attack []\n", "")
