"""The encoder with the heads of masked-language modelling, and what its weights start from.

This module knows no text: it is given positions (see `streams`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from .text import PREFIXES, SUFFIXES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import BertModel, PreTrainedTokenizerFast

    from .lexicon import StemLexicon

__all__ = ["MaskedLanguageModel", "initial_embeddings", "sinusoids"]


def initial_embeddings(
    tokenizer: PreTrainedTokenizerFast, lexicon: StemLexicon, vectors: NDArray[np.float32], size: int, seed: int
) -> torch.Tensor:
    """Embeddings of the vocabulary: a stem's skip-gram vector, rotated into `size` dimensions; noise for pieces.

    Shape: (vocabulary, size); standard deviation about that of BERT's own initialisation times two.
    """
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(len(tokenizer), size, generator=generator) * 0.02
    rotation = torch.linalg.qr(torch.randn(size, size, generator=generator))[0][: vectors.shape[1]]
    learned = torch.from_numpy(vectors) @ rotation
    for piece, index in tokenizer.get_vocab().items():
        row = lexicon.rows.get(piece)
        if row is not None:
            table[index] = learned[row] * 0.04
    return table


def sinusoids(length: int, size: int) -> torch.Tensor:
    """Start of the position embeddings: with them "two words before" is a direction from the first step on, and
    the long plateau of masked-language modelling (every word from the average of all) is short. Shape: (length, size).
    """
    angles = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, size, 2) / size)
    return torch.cat([angles.sin(), angles.cos()], -1) * 0.03


class MaskedLanguageModel(nn.Module):
    """Predicts masked stems and their affixes from what the encoder makes of the words around them.

    The softmax runs over `candidates`, the stems of the batch and a draw of others, corrected by the chance that each is
    among them (sampled softmax; Jean et al. 2015, https://aclanthology.org/P15-1001): a sixth of the vocabulary costs a
    sixth of the time. Without candidates it runs over the whole vocabulary, which is what losses are reported with.
    """

    chance: torch.Tensor

    def __init__(self, encoder: BertModel, chance: torch.Tensor | None = None) -> None:
        super().__init__()
        size, vocabulary = encoder.config.hidden_size, encoder.config.vocab_size
        self.encoder = encoder
        self.transform = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.LayerNorm(size))
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.affixes = nn.Linear(size, len(PREFIXES) + len(SUFFIXES))
        self.register_buffer("chance", torch.ones(vocabulary) if chance is None else chance, persistent=False)

    def forward(
        self, ids: torch.Tensor, types: torch.Tensor, places: torch.Tensor, targets: torch.Tensor, affix: torch.Tensor,
        candidates: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Loss of masked stems and of masked affixes, each the mean over places; 0 without any.

        Shape of ids, types: (batch, length); of places, affix: (masked,), places counted in the flat batch; of
        candidates: (K,) ids; of targets: (masked,), ids, or rows of `candidates` where there are such. Places with a
        target of -100 only fill the shape and are left out.
        """
        hidden = self.encoder(input_ids=ids, token_type_ids=types).last_hidden_state
        picked = self.transform(hidden.flatten(0, 1)[places])
        table: torch.Tensor = self.encoder.embeddings.word_embeddings.weight
        bias: torch.Tensor = self.bias
        if candidates is not None:
            table, bias = table[candidates], (bias - self.chance.log())[candidates]
        loss = _mean_loss((F.linear(picked, table) + bias).float(), targets)
        prefix, suffix = self.affixes(picked).float().split([len(PREFIXES), len(SUFFIXES)], dim=-1)
        left_out = targets < 0
        both = _mean_loss(prefix, (affix // len(SUFFIXES)).masked_fill(left_out, -100))
        return loss, both + _mean_loss(suffix, (affix % len(SUFFIXES)).masked_fill(left_out, -100))


def _mean_loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the targets that are not -100; 0, not nan, where all are. Shape: (masked, classes), (masked,) -> ()."""
    return F.cross_entropy(scores, targets, reduction="sum") / (targets >= 0).sum().clamp(min=1)
