"""The models whose speed is measured: the embedded default, and one of AraBERT-base's shape that is built here.

The latter has random weights. Its heads are set so that it finds as many events as the default, or the work behind the
encoder would not be counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath.errors import ModelError
from ahdath.proof.roofline import EncoderShape
from ahdath.shipping import digest

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor

__all__ = ["ARABERT_BASE", "VOCABULARY", "Subject", "build"]

ARABERT_BASE: Mapping[str, int] = {
    "vocab_size": 64_000, "num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072,
    "max_position_embeddings": 512,
}  # fmt: skip
"""The sizes of bert-base-arabertv02."""

VOCABULARY = 16_000
"""Pieces that the tokenizer learns of the corpus: so many cut a word into 1.3 pieces, as AraBERT's cuts news it has not seen."""

_ARGUMENTS = 3
_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model in the folders from which its engines load."""

    name: str
    torch: Path
    int8: Path

    def load(self, dtype: str) -> EventExtractor:
        """The extractor that computes in "float32", "bfloat16" or "int8"."""
        from ahdath.inference import EventExtractor

        if dtype == "int8":
            return EventExtractor.from_pretrained(self.int8, runtime="int8")
        return EventExtractor.from_pretrained(self.torch, runtime="torch", dtype=dtype)

    @property
    def encoder(self) -> dict[str, Any]:
        """The encoder's config."""
        told: dict[str, Any] = json.loads((self.torch / "config.json").read_text(encoding="utf-8"))["encoder"]
        return told

    @property
    def shape(self) -> EncoderShape:
        """The encoder's sizes."""
        return EncoderShape.of(self.encoder)

    @property
    def digest(self) -> str:
        """A name for the weights."""
        return digest(self.torch)


def build(
    folder: Path, texts: Sequence[str], *, name: str = "AraBERT-base shape", sizes: Mapping[str, int] = ARABERT_BASE,
    vocabulary: int = VOCABULARY, events: float = 3.0,
) -> Subject:  # fmt: skip
    """Build a model with random weights in `folder`, and export it.

    Args:
        texts: what its WordPiece tokenizer learns from, and its heads are set on.
        sizes: keys of BertConfig.
        events: how many it shall find in a paragraph, on average.
    """
    import torch
    from transformers import BertConfig, BertModel

    from ahdath.inference import EventExtractor
    from ahdath.modeling import AhdathModel
    from ahdath.runtime.export import export
    from ahdath.tokenization import WordTokenizer

    torch.manual_seed(0)
    encoder, place = folder / "encoder", folder / "torch"
    BertModel(BertConfig(**sizes), add_pooling_layer=False).save_pretrained(encoder)
    model = AhdathModel.from_encoder(encoder, spelling="arabert")
    tokenizer = WordTokenizer(
        _tokenizer(texts, vocabulary, sizes["max_position_embeddings"]), max_length=model.config.window_length, spelling="arabert"
    )
    extractor = EventExtractor(model, tokenizer, name=name)
    _set_heads(extractor, texts[:20], events)
    extractor.save_pretrained(place)
    export(place, folder / "int8", calibration=texts[:100])
    return Subject(name, place, folder / "int8")


def _tokenizer(texts: Sequence[str], size: int, max_length: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(_SPECIALS), show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), _SPECIALS, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=max_length, **names)


def _set_heads(extractor: EventExtractor, texts: Sequence[str], events: float) -> None:
    """Move biases until so many triggers, of one word, pass the threshold, each with `_ARGUMENTS` arguments or so."""
    import numpy as np
    import torch

    from ahdath.tokenization import collate

    model, engine = extractor.model, extractor.engine
    triggers, allowed = model.trigger[-1], model.allowed.numpy()
    if not isinstance(triggers, torch.nn.Linear):
        raise ModelError(f"trigger head: expected it to end in a linear layer, found {type(triggers).__name__}")
    batches = [collate(extractor.tokenizer.windows(text)[0], 0) for text in texts]
    said = [engine.read_words(batch) for batch in batches]
    wanted = round(events * len(texts))
    every = np.concatenate([one.trigger[batch["word_mask"]].ravel() for one, batch in zip(said, batches, strict=True)])
    limit = np.sort(every)[::-1][min(len(every) - 1, wanted)]
    gaps = []
    for one in said:
        found = np.argwhere(one.trigger > limit)
        if len(found):
            logits = np.where(allowed[found[:, 2]][:, None], engine.read_pairs(one.state, found)[0], -np.inf)
            gaps.append((logits[..., 1::2].max(-1) - logits[..., 0]).ravel())
    margin = np.sort(np.concatenate(gaps))[::-1][min(sum(map(len, gaps)) - 1, _ARGUMENTS * wanted)]
    with torch.no_grad():
        torch.nn.init.constant_(triggers.bias, float(triggers.bias[0] - limit))
        torch.nn.init.constant_(model.continuation.bias, -8.0)
        model.pairs.tags.bias[0] += float(margin)
