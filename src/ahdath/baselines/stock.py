"""The stock classifiers of transformers, fine-tuned on an encoder: what its encoder does without our heads.

`AutoModelForTokenClassification` labels words BIO with trigger types (one type a word, on its first piece);
`AutoModelForSequenceClassification` gives every sentence its event types (multi-label). Both are trained with
`transformers.Trainer` as in its examples and answer with Documents, of triggers or of sentences. torch and
transformers are imported when they train.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ahdath.corpus import with_sentences
from ahdath.errors import ConfigError, DataError
from ahdath.precision import in_bfloat16
from ahdath.schema import Document, Event, Span
from ahdath.text import words
from ahdath.tokenization import word_span

if TYPE_CHECKING:
    import torch

__all__ = ["Encode", "Encoded", "Piece", "StockOptions", "stock_sentence_baseline", "stock_token_baseline"]

IGNORED = -100
"""The label that torch's cross entropy leaves out."""


class Encoded(NamedTuple):
    """Pieces of a list of words, special ones included.

    `word_ids` has the word each belongs to (None: special), `type_ids` are for an encoder that uses them.
    """

    input_ids: Sequence[int]
    word_ids: Sequence[int | None]
    type_ids: Sequence[int] | None = None


Encode = Callable[[list[str]], Encoded]
"""Words as written -> their pieces."""


@dataclass(frozen=True, slots=True)
class StockOptions:
    """How the stock classifiers are trained; Trainer's defaults otherwise. `max_length` is in pieces."""

    epochs: float = 5.0
    learning_rate: float = 5e-5
    batch_size: int = 16
    max_length: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "batch_size", "max_length"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"StockOptions.{name}: expected more than 0, found {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of words as the network reads it.

    `owner` is the number of its document or sentence, `first` the number of its first word there, `heads`
    the position of each word's first piece, None for a word without pieces.
    """

    owner: int
    first: int
    encoded: Encoded
    heads: tuple[int | None, ...]


def stock_token_baseline(
    train: Sequence[Document],
    documents: Sequence[Document],
    encoder: str | PathLike[str],
    *,
    encode: Encode | None = None,
    options: StockOptions | None = None,
) -> list[Document]:
    """Fine-tune a token classifier on the triggers of `train`; `documents` with the triggers it finds.

    `encoder` is a folder or name that AutoModel loads; `encode` replaces its own tokenizer. The answers have
    events without arguments, the label's probability as score, and sentences with their triggers' types.
    Raises DataError when `train` has no event, AlignmentError for a trigger that cuts a word.
    """
    options = options or StockOptions()
    labels = ["O", *(f"{mark}-{name}" for name in _types(train) for mark in "BI")]
    encode = encode or _own_encode(encoder)
    limit = _limit(encoder, options)

    def example(piece: Piece, wanted: Sequence[int]) -> dict[str, Any]:
        targets = [IGNORED] * len(piece.encoded.input_ids)
        for at, head in enumerate(piece.heads):
            if head is not None:
                targets[head] = wanted[piece.first + at]
        return {**_inputs(piece), "labels": targets}

    ids = {label: number for number, label in enumerate(labels)}
    wanted = [[ids[label] for label in _bio(document)] for document in train]
    pieces = list(_pieces((_forms(d) for d in train), encode, limit))
    trainer = _fine_tuned(
        "AutoModelForTokenClassification",
        encoder,
        labels,
        [example(piece, wanted[piece.owner]) for piece in pieces],
        options,
    )
    asked = list(_pieces((_forms(d) for d in documents), encode, limit))
    chances = _softmax(trainer.predict([_inputs(piece) for piece in asked]).predictions) if asked else ()
    found: list[list[tuple[str, float]]] = [[("O", 1.0)] * len(words(d.text)) for d in documents]
    for piece, rows in zip(asked, chances, strict=True):
        for at, head in enumerate(piece.heads):
            if head is not None:
                best = int(np.argmax(rows[head]))
                found[piece.owner][piece.first + at] = (labels[best], float(rows[head][best]))
    return [_with_events(document, marks) for document, marks in zip(documents, found, strict=True)]


def stock_sentence_baseline(
    train: Sequence[Document],
    documents: Sequence[Document],
    encoder: str | PathLike[str],
    *,
    dev: Sequence[Document] = (),
    encode: Encode | None = None,
    options: StockOptions | None = None,
) -> list[Document]:
    """Fine-tune a multi-label sentence classifier; `documents` without events, their sentences with types.

    A type is given from a probability of 0.5 on, or from the one that gives the best micro F1 on `dev`. Other
    arguments and errors as for `stock_token_baseline`.
    """
    options = options or StockOptions()
    labels = _types(train)
    encode = encode or _own_encode(encoder)
    limit = _limit(encoder, options)
    known = [sentence for document in train for sentence in _sentences(document)]
    wanted = [[float(name in types) for name in labels] for _, types in known]
    pieces = list(_pieces((form for form, _ in known), encode, limit))
    examples = [{**_inputs(piece), "labels": wanted[piece.owner]} for piece in pieces]
    trainer = _fine_tuned("AutoModelForSequenceClassification", encoder, labels, examples, options)

    def chances(asked: Sequence[Document]) -> NDArray[np.float64]:
        forms = [form for document in asked for form, _ in _sentences(document)]
        best = np.zeros((len(forms), len(labels)))
        parts = list(_pieces(forms, encode, limit))
        logits = trainer.predict([_inputs(piece) for piece in parts]).predictions if parts else ()
        for piece, row in zip(parts, logits, strict=True):
            best[piece.owner] = np.maximum(best[piece.owner], 1.0 / (1.0 + np.exp(-row.astype(np.float64))))
        return best

    threshold = 0.5
    if dev:
        gold = [[name in types for name in labels] for d in dev for _, types in _sentences(d)]
        threshold = _best_threshold(chances(dev), np.array(gold, dtype=bool))
    rows = iter(chances(documents))
    return [_with_types(document, rows, labels, threshold) for document in documents]


# ---------------------------------------------------------------------- documents <-> labels


def _types(documents: Sequence[Document]) -> list[str]:
    names = sorted({event.type for document in documents for event in document.events})
    if not names:
        raise DataError(f"none of {len(documents)} documents has an event; expected annotated documents.")
    return names


def _forms(document: Document) -> list[str]:
    return [document.text[start:end] for start, end in words(document.text)]


def _sentences(document: Document) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """The words and the types of every sentence."""
    for sentence in (document if document.sentences else with_sentences(document)).sentences:
        yield [sentence.text[a:b] for a, b in words(sentence.text)], sentence.types


def _bio(document: Document) -> list[str]:
    """One label a word; of several events on a word the first."""
    spans = words(document.text)
    marks = ["O"] * len(spans)
    for event in document.events:
        first, last = word_span(spans, event.trigger.start, event.trigger.end)
        if all(mark == "O" for mark in marks[first:last]):
            marks[first:last] = [f"B-{event.type}", *[f"I-{event.type}"] * (last - first - 1)]
    return marks


def _with_events(document: Document, marks: Sequence[tuple[str, float]]) -> Document:
    """The document with the events of its BIO labels; an I that continues nothing begins an event."""
    found: list[tuple[str, int, int, float]] = []
    previous = "O"
    for (start, end), (mark, score) in zip(words(document.text), marks, strict=True):
        name = mark[2:]
        if mark.startswith("I") and previous[2:] == name:
            found[-1] = (name, found[-1][1], end, found[-1][3])
        elif mark != "O":
            found.append((name, start, end, score))
        previous = mark
    events = [Event(name, Span.of(document.text, a, b), score=score) for name, a, b, score in found]
    return with_sentences(replace(document, events=tuple(events), model="stock token classifier"))


def _with_types(
    document: Document, rows: Iterator[NDArray[np.float64]], labels: Sequence[str], threshold: float
) -> Document:
    bare = replace(document, events=(), model="stock sentence classifier")
    sentences = []
    for sentence in (document if document.sentences else with_sentences(document)).sentences:
        chances = {name: float(chance) for name, chance in zip(labels, next(rows), strict=True)}
        types = tuple(name for name, chance in chances.items() if chance >= threshold)
        sentences.append(replace(sentence, types=types, scores=chances))
    return replace(bare, sentences=tuple(sentences))


def _best_threshold(chances: NDArray[np.float64], gold: NDArray[np.bool_]) -> float:
    """The probability from which giving a type has the best micro F1. Shapes: (sentences, types)."""
    order = np.argsort(-chances, axis=None)
    ranked, correct = chances.ravel()[order], np.cumsum(gold.ravel()[order])
    f1 = 2.0 * correct / (gold.sum() + np.arange(1, len(ranked) + 1))
    f1[:-1][ranked[1:] == ranked[:-1]] = 0.0  # a threshold takes all of one probability
    return float(ranked[int(np.argmax(f1))]) if len(ranked) and correct[-1] else 0.5


# ---------------------------------------------------------------------- words <-> the network


def _own_encode(encoder: str | PathLike[str]) -> Encode:
    """The encoder's own tokenizer over words."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(encoder)

    def encode(forms: list[str]) -> Encoded:
        encoding = tokenizer(forms, is_split_into_words=True, truncation=False, verbose=False)
        return Encoded(encoding["input_ids"], encoding.word_ids())

    return encode


def _limit(encoder: str | PathLike[str], options: StockOptions) -> int:
    """Most pieces the network reads at once."""
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(encoder)
    return min(options.max_length, getattr(config, "max_position_embeddings", options.max_length))


def _pieces(texts: Iterable[list[str]], encode: Encode, limit: int) -> Iterator[Piece]:
    """Every text, halved between words until it fits; a single word that does not keeps its head."""
    for owner, forms in enumerate(texts):
        waiting = [(0, len(forms))] if forms else []
        while waiting:
            first, last = waiting.pop()
            encoded = encode(forms[first:last])
            if len(encoded.input_ids) > limit and last - first > 1:
                middle = (first + last) // 2
                waiting += [(middle, last), (first, middle)]
                continue
            heads: list[int | None] = [None] * (last - first)
            for place, word in reversed(list(enumerate(encoded.word_ids[:limit]))):
                if word is not None:
                    heads[word] = place
            types = None if encoded.type_ids is None else encoded.type_ids[:limit]
            kept = Encoded(encoded.input_ids[:limit], encoded.word_ids[:limit], types)
            yield Piece(owner, first, kept, tuple(heads))


def _inputs(piece: Piece) -> dict[str, Any]:
    inputs: dict[str, Any] = {"input_ids": list(piece.encoded.input_ids)}
    if piece.encoded.type_ids is not None:
        inputs["token_type_ids"] = list(piece.encoded.type_ids)
    return inputs


def _collate(examples: Sequence[dict[str, Any]], pad: int, one_label_a_piece: bool) -> dict[str, torch.Tensor]:
    """Examples padded to the longest. Shapes: (examples, pieces); labels of sentences (examples, types)."""
    import torch

    longest = max(len(example["input_ids"]) for example in examples)

    def padded(name: str, filler: int) -> torch.Tensor:
        rows = [example[name] + [filler] * (longest - len(example[name])) for example in examples]
        return torch.tensor(rows)

    batch = {"input_ids": padded("input_ids", pad)}
    lengths = torch.tensor([len(example["input_ids"]) for example in examples])
    batch["attention_mask"] = (torch.arange(longest)[None] < lengths[:, None]).long()
    if "token_type_ids" in examples[0]:
        batch["token_type_ids"] = padded("token_type_ids", 0)
    if "labels" in examples[0]:
        labels = [example["labels"] for example in examples]
        batch["labels"] = padded("labels", IGNORED) if one_label_a_piece else torch.tensor(labels)
    return batch


def _fine_tuned(
    kind: str,
    encoder: str | PathLike[str],
    labels: Sequence[str],
    examples: list[dict[str, Any]],
    options: StockOptions,
) -> Any:
    """A Trainer whose model has learned the examples. Seeds the global generators, as Trainer does."""
    import torch
    import transformers

    transformers.set_seed(options.seed)
    names = dict(enumerate(labels))
    tokens = kind == "AutoModelForTokenClassification"
    settings: dict[str, Any] = {} if tokens else {"problem_type": "multi_label_classification"}
    model: Any = getattr(transformers, kind).from_pretrained(
        encoder, id2label=names, label2id={name: number for number, name in names.items()}, **settings
    )
    if not torch.cuda.is_available():  # the fused attention of a CPU is slow backwards
        model.set_attn_implementation("eager")
    pad = model.config.pad_token_id or 0
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            per_device_train_batch_size=options.batch_size,
            per_device_eval_batch_size=options.batch_size,
            warmup_steps=0.1,  # a share of all steps
            seed=options.seed,
            bf16=in_bfloat16(None),
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=examples,
            data_collator=lambda batch: _collate(batch, pad, tokens),
        )
        trainer.train()
    return trainer


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities over the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
