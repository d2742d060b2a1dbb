"""The network in torch: float32, or bfloat16 in the matrix products; compiled where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from . import WordScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..modeling import AhdathConfig, AhdathModel

__all__ = ["TorchEngine"]

_EVENTS = 256  # events that the pair head reads at once


class TorchEngine:
    """Runs an `AhdathModel` where it lies, CPU or GPU. Weights stay as they are, whatever `dtype` computes in.

    Args:
        dtype: "float32" or "bfloat16".
        compiled: let torch.compile fuse the encoder; the first batches wait for it, many batches gain.

    Raises:
        ConfigError: another dtype.
    """

    def __init__(self, model: AhdathModel, *, dtype: str = "float32", compiled: bool = False) -> None:
        if dtype not in ("float32", "bfloat16"):
            raise ConfigError(f"dtype {dtype!r}: expected 'float32' or 'bfloat16'")
        self.model, self.dtype = model.eval(), dtype
        self._encode: Any = model.encode
        if compiled:
            import torch

            self._encode = torch.compile(model.encode, dynamic=True)

    @property
    def workers(self) -> int:
        """One: torch has threads of its own; while they work, the caller makes the next windows."""
        return 1

    @property
    def room(self) -> int:
        """As many as fit: the caller knows the memory of the device."""
        return 1_000_000

    @property
    def config(self) -> AhdathConfig:
        """The model's own config: what changes there counts at once."""
        config: AhdathConfig = self.model.config
        return config

    def read_words(self, batch: Mapping[str, NDArray[Any]]) -> WordScores:
        """See `Engine.read_words`."""
        import torch

        device = self.model.device
        tensors = {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
        sentence, mask = tensors.pop("sentence"), tensors["word_mask"]
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self.dtype == "bfloat16"):
            states = self._encode(**tensors)
            logits = self.model.word_heads(states, mask, sentence)
            trigger, continuation, sentences = (one.float().cpu().numpy() for one in logits)
        return WordScores(trigger, continuation, sentences, (states, mask, sentence))

    def read_pairs(self, state: Any, events: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Engine.read_pairs`."""
        import torch

        states, mask, sentence = state
        logits, values = [], []
        half = torch.autocast(states.device.type, torch.bfloat16, enabled=self.dtype == "bfloat16")
        with torch.inference_mode(), half:
            for at in range(0, len(events), _EVENTS):
                event = torch.from_numpy(events[at : at + _EVENTS]).to(states.device)
                argument, attribute = self.model.pairs(states, mask, sentence, event)
                logits.append(argument.float().cpu().numpy())
                values.append(attribute.float().cpu().numpy())
        return np.concatenate(logits), np.concatenate(values)
