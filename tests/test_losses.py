"""The loss over whole tag sequences, against all sequences written out."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdath.decoding import decode_arguments
from ahdath.losses import sequence


def _admitted(tags: tuple[int, ...]) -> bool:
    """I (even tags above 0) only after B or I of its role."""
    return all(tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in zip((0, *tags), tags, strict=False))


def _by_hand(logits: torch.Tensor, gold: tuple[int, ...]) -> float:
    def worth(tags: tuple[int, ...]) -> torch.Tensor:
        return logits[range(len(tags)), list(tags)].sum()

    every = [worth(tags) for tags in product(range(logits.shape[1]), repeat=len(logits)) if _admitted(tags)]
    return float((torch.stack(every).logsumexp(0) - worth(gold)) / len(gold))


@settings(deadline=None, max_examples=60)
@given(words=st.integers(1, 4), roles=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_it_is_the_likelihood_among_all_bio_sequences(words: int, roles: int, seed: int) -> None:
    torch.manual_seed(seed)
    logits = 3 * torch.randn(words, 2 * roles + 1)
    choices = [tags for tags in product(range(2 * roles + 1), repeat=words) if _admitted(tags)]
    gold = choices[seed % len(choices)]
    assert float(sequence(logits[None], torch.tensor([gold]))) == pytest.approx(_by_hand(logits, gold), abs=1e-4)


def test_padding_counts_for_nothing_and_gets_no_gradient() -> None:
    torch.manual_seed(1)
    logits, gold = torch.randn(1, 3, 5), (1, 2, 0)
    padded = torch.cat([logits, 9 * torch.randn(1, 2, 5)], 1).requires_grad_()
    loss = sequence(padded, torch.tensor([[*gold, -100, -100]]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(_by_hand(logits[0], gold), abs=1e-5)
    assert padded.grad is not None
    assert padded.grad[:, 3:].abs().max() == 0
    assert padded.grad.isfinite().all()


def test_forbidden_roles_stay_finite() -> None:
    logits = torch.zeros(1, 4, 5)
    logits[..., 3:] = -1e4  # as the network masks what a type does not admit
    assert 0 < float(sequence(logits, torch.tensor([[0, 1, 2, 2]]))) < 5


def test_minimising_it_makes_decoding_give_the_gold_spans() -> None:
    logits = torch.zeros(1, 6, 5, requires_grad=True)
    gold = torch.tensor([[1, 2, 1, 0, 3, 4]])
    optimizer = torch.optim.SGD([logits], lr=5.0)
    for _ in range(100):
        optimizer.zero_grad()
        sequence(logits, gold).backward()
        optimizer.step()
    (spans,) = decode_arguments(logits.detach().numpy(), torch.ones(1, 5, dtype=torch.bool).numpy(), [6])
    assert [(s.first, s.last, s.role) for s in spans] == [(0, 2, 0), (2, 3, 0), (4, 6, 1)]
