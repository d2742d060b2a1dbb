"""What `modeling` is made of: words from pieces, and the arguments of one trigger; nothing here knows an encoder.

Dimensions in shapes: B windows, L pieces, W words, E events, R roles, N rows of any kind, H word state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import ModelError
from .lexicon import AFFIXES
from .text import SUFFIXES

if TYPE_CHECKING:
    from .modeling import AhdathConfig

__all__ = ["BiLSTM", "Neighbours", "PairHead", "SharedDropout", "WordEncoder", "role_tags"]

_DISTANCES = 32  # buckets of signed distance between a word and a trigger


def role_tags(roles: int) -> int:
    """Number of BIO tags for so many roles: O, then B and I of each."""
    return 2 * roles + 1


class BiLSTM(nn.Module):
    """A bidirectional LSTM that padding cannot touch: each direction reads its words from its own end.

    Unlike packed sequences this stays on the fast CPU kernels and exports as two plain LSTMs.
    """

    def __init__(self, size_in: int, size_out: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(size_in, size_out // 2, batch_first=True)
        self.back = nn.LSTM(size_in, size_out // 2, batch_first=True)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Shape of states: (N, W, size_in), of mask: (N, W), true for words; returns (N, W, size_out)."""
        width = states.shape[1]
        lengths = mask.sum(1, keepdim=True)
        places = torch.arange(width, device=states.device)[None]
        mirror = torch.where(places < lengths, lengths - 1 - places, places)
        flipped = states.gather(1, mirror[..., None].expand_as(states))
        ahead, back = self.ahead(states)[0], self.back(flipped)[0]
        return torch.cat([ahead, back.gather(1, mirror[..., None].expand_as(back))], -1)


class SharedDropout(nn.Module):
    """Dropout that hides the same features at every word of a row (variational dropout; Gal and Ghahramani 2016,
    https://arxiv.org/abs/1512.05287). It draws one number where nn.Dropout draws one a word, which a CPU is slow at."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, states: Tensor) -> Tensor:
        """Shape: (N, W, H), returned alike."""
        if not self.training or not self.share:
            return states
        kept = torch.rand(states.shape[0], 1, states.shape[2], device=states.device) >= self.share
        return states * (kept / (1 - self.share)).to(states.dtype)


class Neighbours(nn.Module):
    """What stands beside each word: residual convolutions over three words, each wider apart than the one before.

    The words already know their sentence; what is missing beside a trigger is where a span ends. Dilated convolutions (Strubell
    et al. 2017, https://aclanthology.org/D17-1283) see that without a step that waits for the one before.
    """

    def __init__(self, size: int, dilations: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Conv1d(size, size, 3, padding=step, dilation=step) for step in dilations)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in dilations)
        self.dropout = SharedDropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Shape of states: (N, W, size), returned alike; of mask: (N, W), true for words: padding counts as zeros."""
        words = mask[..., None].to(states.dtype)
        for step, norm in zip(self.steps, self.norms, strict=True):
            beside = step((norm(states) * words).transpose(1, 2)).transpose(1, 2).contiguous()  # or GELU is slow backwards
            states = states + self.dropout(F.gelu(beside))
        return states


class WordEncoder(nn.Module):
    """Pieces (and lexical features) -> one state a word. Shape: (B, L, hidden) -> (B, W, H)."""

    vectors: Tensor
    vector_scale: Tensor

    def __init__(self, config: AhdathConfig, hidden: int) -> None:
        super().__init__()
        self.pooling = config.pooling
        size = config.word_size
        self.from_pieces = nn.Linear(2 * hidden if self.pooling == "first+last" else hidden, size)
        if config.lexicon_size:
            self.register_buffer("vectors", torch.zeros(config.lexicon_size + 1, config.vector_size, dtype=torch.int8))
            self.register_buffer("vector_scale", torch.ones(1))
            self.from_vectors = nn.Linear(config.vector_size, size, bias=False)
            self.prefixes = nn.Embedding(len(AFFIXES) // len(SUFFIXES), size)
            self.suffixes = nn.Embedding(len(SUFFIXES), size)
        if config.ngram_buckets:
            self.ngrams = nn.Embedding(config.ngram_buckets, config.ngram_size, padding_idx=0)
            self.from_ngrams = nn.Linear(config.ngram_size, size, bias=False)
        self.norm = nn.LayerNorm(size)
        self.dropout = SharedDropout(config.dropout)
        self.context = BiLSTM(size, config.context_size)

    def forward(self, hidden: Tensor, pieces: Tensor, mask: Tensor, rows: Tensor | None, affixes: Tensor | None,
                ngrams: Tensor | None) -> Tensor:  # fmt: skip
        states = self.from_pieces(self.pool(hidden, pieces))
        if hasattr(self, "from_vectors"):
            if rows is None or affixes is None:
                raise ModelError("this model reads lexical features: expected rows and affixes, found none; "
                                 "make batches with tokenization.WordTokenizer and its stem lexicon")  # fmt: skip
            known = torch.where(rows < len(self.vectors), rows, 0)  # rarer stems of the lexicon have no vector here
            states = states + self.from_vectors(self.vectors[known].to(states.dtype) * self.vector_scale)
            states = states + self.prefixes(affixes // len(SUFFIXES)) + self.suffixes(affixes % len(SUFFIXES))
        if hasattr(self, "ngrams") and ngrams is not None:
            count = (ngrams > 0).sum(-1, keepdim=True).clamp(min=1).to(states.dtype)
            # Ids are hashes below 16,384: fold them into the buckets that this model has; 0 stays padding.
            ngrams = torch.where(ngrams > 0, (ngrams - 1) % (self.ngrams.num_embeddings - 1) + 1, 0)
            states = states + self.from_ngrams(self.ngrams(ngrams).sum(-2) / count.sqrt())
        states = self.dropout(self.norm(states))
        return torch.cat([states, self.dropout(self.context(states, mask))], -1) * mask[..., None]

    def pool(self, hidden: Tensor, pieces: Tensor) -> Tensor:
        """Word states from piece states. Shape: (B, L, hidden), (B, W, 2) -> (B, W, hidden or 2*hidden)."""
        def take(places: Tensor) -> Tensor:
            return hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))

        if self.pooling == "first":
            return take(pieces[..., 0])
        if self.pooling == "first+last":
            return torch.cat([take(pieces[..., 0]), take(pieces[..., 1])], -1)
        sums = F.pad(hidden.cumsum(1), (0, 0, 1, 0))
        def upto(places: Tensor) -> Tensor:
            return sums.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        width = (pieces[..., 1] - pieces[..., 0] + 1)[..., None]
        return (upto(pieces[..., 1] + 1) - upto(pieces[..., 0])) / width


class PairHead(nn.Module):
    """Arguments and attributes of given triggers, from the word states of their windows."""

    def __init__(self, size: int, config: AhdathConfig, types: int, roles: int, values: int) -> None:
        super().__init__()
        pair = config.pair_size
        self.word, self.trigger = nn.Linear(size, pair), nn.Linear(size, pair)
        self.product = nn.Linear(pair, pair, bias=False)
        self.kind = nn.Embedding(types, pair)
        self.distance = nn.Embedding(2 * _DISTANCES + 1, pair)
        self.sentence = nn.Embedding(2, pair)
        self.norm = nn.LayerNorm(pair)
        self.dropout = SharedDropout(config.dropout)
        self.context = Neighbours(pair, config.pair_dilations, config.dropout)
        self.tags = nn.Linear(2 * pair, role_tags(roles))
        self.cue = nn.Linear(pair, 1)
        self.values = nn.Sequential(nn.Linear(2 * pair, pair), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(pair, values))

    def forward(self, words: Tensor, mask: Tensor, sentence: Tensor, event: Tensor) -> tuple[Tensor, Tensor]:
        """Shape of words: (B, W, H), of event: (E, 3) = window, first word, type. Returns (E, W, 2R+1) and (E, values)."""
        window, first, kind = event.unbind(-1)
        state = words[window, first]
        u, v = self.word(words)[window], self.trigger(state)[:, None]
        places = torch.arange(words.shape[1], device=words.device)[None] - first[:, None]
        same = (sentence[window] == sentence[window, first][:, None]).long()
        pair = u + v + self.product(u * v) + self.kind(kind)[:, None] + self.distance(_bucket(places)) + self.sentence(same)
        pair = self.dropout(F.gelu(self.norm(pair)))
        own = mask[window]
        read = self.context(pair, own)
        weights = self.cue(read).squeeze(-1).masked_fill(~own, float("-inf")).softmax(-1)
        cues = (weights[..., None] * read).sum(1)  # what لن, نفى or فشل says of this trigger
        here = read[torch.arange(len(event), device=words.device), first]
        return self.tags(torch.cat([pair, self.dropout(read)], -1)), self.values(torch.cat([here, cues], -1))


def _bucket(distance: Tensor) -> Tensor:
    """Signed distance in words -> bucket: exact to 16, then logarithmic. Values in 0 … 2*_DISTANCES."""
    far = distance.abs().clamp(min=1).float()
    size = torch.where(far <= 16, far, 16 + 4 * torch.log2(far / 16)).floor().clamp(max=_DISTANCES).long()
    return torch.where(distance == 0, 0, size) * distance.sign() + _DISTANCES
