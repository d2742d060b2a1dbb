"""What training minimises beside PyTorch's own losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["binary", "sequence"]

_NEVER = -1e9  # of a tag where it cannot stand; finite, so that gradients are


def binary(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy over the positions where `mask` is true."""
    loss = F.binary_cross_entropy_with_logits(logits.float(), labels.clamp(min=0).float(), reduction="none")
    weight = mask.to(loss.dtype)
    while weight.ndim < loss.ndim:
        weight = weight[..., None]
    return (loss * weight).sum() / (weight.expand_as(loss).sum().clamp(min=1))


def sequence(logits: Tensor, tags: Tensor) -> Tensor:
    """Negative log-likelihood of whole BIO sequences, divided by the number of words.

    A linear-chain conditional random field (Lafferty, McCallum, Pereira: Conditional random fields, ICML 2001) whose
    transitions are not learned but are those of the BIO rule: an I stands only after the B or I of its role. So training
    normalises over just those sequences among which `decoding.decode_arguments` searches, while cross-entropy word by word
    also spends weight on sequences that are none.

    Args:
        logits: O, then B and I of each role; Shape: (E, W, 2R+1).
        tags: a BIO sequence each; -100 is padding, which stands at the end; Shape: (E, W).

    >>> sequence(torch.zeros(1, 2, 3), torch.zeros(1, 2, dtype=torch.long))   # 5 sequences: OO OB BO BB BI
    tensor(0.8047)
    """
    words = tags >= 0
    gold = (logits.gather(-1, tags.clamp(min=0)[..., None]).squeeze(-1) * words).sum()
    outside = logits[..., 0] * words  # padding is O at no cost
    begin = logits[..., 1::2].masked_fill(~words[..., None], _NEVER)
    inside = logits[..., 2::2].masked_fill(~words[..., None], _NEVER)
    start = torch.cat([outside[..., None], begin], -1).transpose(0, 1)  # (W, E, 1+R): whatever stood before
    go_on = torch.cat([torch.full_like(outside, _NEVER)[..., None], inside], -1).transpose(0, 1)  # only after the same role
    reached = start[0]  # log of the summed weight of all sequences up to a word, by the role it has
    for new, on in zip(start[1:].unbind(0), go_on[1:].unbind(0), strict=True):
        reached = torch.logaddexp(new + reached.logsumexp(-1, keepdim=True), on + reached)
    return (reached.logsumexp(-1).sum() - gold) / words.sum().clamp(min=1)
