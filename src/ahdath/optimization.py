"""What pre-training does to the weights at a step, and what of it is on disk: optimizers, their rates, checkpoints.

This module knows no text and no network: it is given parameters and a folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

__all__ = ["Progress", "Schedule", "build_optimizers", "load_checkpoint", "rate_scale", "save_checkpoint"]


@dataclass(frozen=True)
class Progress:
    """How far a run is: steps, minutes of training and positions read, all restarts together; then the mean losses (nats)
    of masked stems and of affixes over the last steps, None before the first."""

    step: int = 0
    minutes: float = 0.0
    positions: int = 0
    loss: float | None = None
    affix_loss: float | None = None


def build_optimizers(
    model: nn.Module, *, name: str, learning_rate: float, muon_learning_rate: float = 0.02
) -> list[Optimizer]:
    """AdamW for all parameters, or for `name` "muon" Muon for the matrices of the transformer and AdamW for the others."""
    import torch

    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "encoder.encoder" in n]
    chosen = {id(p) for p in matrices} if name == "muon" else set()
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizers: list[Optimizer] = [torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01)]
    if chosen:
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError("optimizer 'muon' needs torch.optim.Muon (torch 2.9 or later); set optimizer: adamw")
        optimizers.append(torch.optim.Muon(matrices, lr=muon_learning_rate, weight_decay=0.01, adjust_lr_fn=None))
    return optimizers


def rate_scale(share: float, warmup_share: float) -> float:
    """What the rates are multiplied with when `share` of the run is over: a rise from 0, a plateau, a fall from 0.3 on.

    >>> [round(rate_scale(share, 0.05), 3) for share in (0.025, 0.2, 0.65)]
    [0.5, 1.0, 0.5]
    """
    return max(min(1.0, share / warmup_share) * min(1.0, (1 - share) / 0.7), 1e-3)


class Schedule:
    """Holds the optimizers' rates to `rate_scale`; made before a checkpoint is loaded, which brings the rates of its own step."""

    def __init__(self, optimizers: Sequence[Optimizer], *, warmup_share: float) -> None:
        self.optimizers, self.warmup_share = optimizers, warmup_share
        self.rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]

    def set(self, share: float) -> None:
        """Set the rates for when `share` of the run is over."""
        scale = rate_scale(share, self.warmup_share)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * scale


def save_checkpoint(out: Path, model: nn.Module, optimizers: Sequence[Optimizer], progress: Progress) -> None:
    """Write a checkpoint beside the last one, then swap: a kill at any moment leaves one that is whole."""
    import torch
    from safetensors.torch import save_model

    fresh, old = out / "checkpoint.new", out / "checkpoint"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    save_model(model, str(fresh / "model.safetensors"))
    torch.save([optimizer.state_dict() for optimizer in optimizers], fresh / "optimizer.pt")
    (fresh / "state.json").write_text(json.dumps(asdict(progress)))
    previous = out / "checkpoint.old"
    if old.exists():  # where a kill left only the previous one, it stays until the new one stands
        shutil.rmtree(previous, ignore_errors=True)
        old.rename(previous)
    fresh.rename(old)
    shutil.rmtree(previous, ignore_errors=True)


def load_checkpoint(out: Path, model: nn.Module, optimizers: Sequence[Optimizer], *, batch_positions: int) -> Progress:
    """Put the weights and states of the last whole checkpoint in place; without one leave them, at step 0.

    Checkpoints of before positions were counted had read about `batch_positions` a step.
    """
    import torch
    from safetensors.torch import load_model

    for folder in (out / "checkpoint", out / "checkpoint.old"):
        if (folder / "state.json").exists():
            state = json.loads((folder / "state.json").read_text())
            load_model(model, str(folder / "model.safetensors"))
            # Onto the CPU first: each process puts it onto a device of its own, which is not the one that wrote it.
            saved = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
            for optimizer, one in zip(optimizers, saved, strict=True):
                optimizer.load_state_dict(one)
            return Progress(**{"positions": state["step"] * batch_positions, **state})
    return Progress()
