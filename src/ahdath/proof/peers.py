"""What people run otherwise on the same encoder: stock pipelines of transformers, and one pass for every trigger.

Their heads are random, which costs nothing in speed, and say "O" everywhere, which saves the pipeline the spans. Where
the comparison could lean to one side it leans to the peers: they are given stems where ours has to find them, they give
no attributes, and a trigger is read with its neighbourhood only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath.errors import ConfigError
from ahdath.ontology import Ontology
from ahdath.text import words
from ahdath.tokenization import SPELLINGS

if TYPE_CHECKING:
    from ahdath.schema import Document
    from ahdath.tokenization import WordTokenizer

__all__ = ["STRIDE", "Peer", "Setting", "best", "marked", "prepared"]

STRIDE = 64
"""Pieces that neighbouring windows of a long paragraph share; ours share a hundred words."""

_REACH = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """How a pipeline is called."""

    batch: int
    by_length: bool = False

    def __str__(self) -> str:
        return f"batch {self.batch}{', by length' if self.by_length else ''}"


class Peer:
    """A stock pipeline on an encoder of the given config.

    Args:
        task: "token" (BIO tags of triggers), "text" (event types) or "argument" (BIO tags of roles).
        encoder: the encoder's config, with `model_type`.
        tokenizer: a `PreTrainedTokenizerFast`.
        dtype: "float32" or "bfloat16", of the weights, as `pipeline(dtype=…)` has it.

    Raises:
        ConfigError: another task.
    """

    def __init__(self, task: str, encoder: Mapping[str, Any], tokenizer: Any, ontology: Ontology, *, dtype: str) -> None:
        counts = {"token": 2 * len(ontology.type_names) + 1, "text": len(ontology.type_names), "argument": 2 * len(ontology.role_names) + 1}
        if task not in counts:
            raise ConfigError(f"task {task!r}: expected one of {', '.join(counts)}")
        import torch
        from transformers import (
            AutoConfig,
            AutoModelForSequenceClassification,
            AutoModelForTokenClassification,
            pipeline,
        )

        labels = ["O", *(f"{'BI'[n % 2]}-{n // 2}" for n in range(counts[task] - 1))]
        config = AutoConfig.for_model(**{**encoder, "num_labels": len(labels), "id2label": dict(enumerate(labels))})
        tokenizer.model_max_length = config.max_position_embeddings
        kind = getattr(torch, dtype)
        if task == "text":
            config.problem_type = "multi_label_classification"
            model = AutoModelForSequenceClassification.from_config(config).to(kind)
            options: dict[str, Any] = {"top_k": None, "truncation": True}
        else:
            model = AutoModelForTokenClassification.from_config(config).to(kind)
            options = {"aggregation_strategy": "simple", "stride": STRIDE}
            with torch.no_grad():
                model.classifier.bias[0] = 100.0
        self.pipe = pipeline(f"{'text' if task == 'text' else 'token'}-classification", model=model.eval(), tokenizer=tokenizer,
                             device="cpu", **options)  # fmt: skip

    def read(self, texts: Sequence[str], setting: Setting) -> None:
        """Classify all texts, as `prepared` gives them."""
        ordered = sorted(texts, key=len) if setting.by_length else list(texts)
        self.pipe(ordered, batch_size=setting.batch)

    def save(self, folder: str | Path) -> None:
        """Write model and tokenizer as `pipeline(task, folder)` loads them."""
        self.pipe.save_pretrained(str(folder))


def prepared(text: str, tokenizer: WordTokenizer) -> str:
    """What a pipeline is given of a paragraph: for the embedded encoder the stems, which are what it knows.

    قصفت القوات المدينة is given as three stems; for other encoders the text stays as it is.
    """
    lexicon = tokenizer.lexicon
    if lexicon is None:
        return text
    spell = SPELLINGS[tokenizer.spelling]
    return " ".join(lexicon.segment(spell(text[start:end])).stem for start, end in words(text))


def marked(document: Document, tokenizer: WordTokenizer, *, reach: int = _REACH) -> list[str]:
    """A passage for every event, with its trigger named behind it, as TagPrime reads them (Hsu et al. 2023).

    `reach` words on each side of the trigger are read, the longest paragraphs not once more in full.
    """
    spans, passages = words(document.text), []
    for event in document.events:
        at = sum(end <= event.trigger.start for _, end in spans)
        low, high = spans[max(0, at - reach)][0], spans[min(len(spans) - 1, at + reach)][1]
        around, trigger = (prepared(part, tokenizer) for part in (document.text[low:high], event.trigger.text))
        passages.append(f"{around} [SEP] {trigger}")
    return passages


def best(seconds: Mapping[Setting, float]) -> Setting:
    """The fastest setting.

    >>> str(best({Setting(1): 3.0, Setting(8): 2.0, Setting(8, by_length=True): 1.5}))
    'batch 8, by length'
    """
    return min(seconds, key=seconds.__getitem__)
