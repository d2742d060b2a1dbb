"""The processes of a run, one a device: alone without a launcher, through accelerate under one.

`accelerate launch` and `torchrun` tell each process in its environment how many there are. Only where they are several is
accelerate imported, so that a single process needs torch alone. This module knows nothing of what is computed.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Processes"]

# What launchers call the number of processes: torchrun and accelerate, then three kinds of MPI.
_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")

# The first process may read a text for hours before the others are needed; NCCL would give them up after ten minutes.
_PATIENCE = timedelta(days=1)


class Processes:
    """This process among those of the run: `number` (0 is the first) of `count`, and its `device`.

    All must call `replicated`, `totals`, `wait` and `end` alike, or the others wait for them.

    >>> alone = Processes()
    >>> alone.count, alone.first, alone.totals(0.5, 2.0)
    (1, True, [0.5, 2.0])
    """

    def __init__(self) -> None:
        import torch

        self.number, self.count = 0, 1
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._accelerator: Any = None
        if _launched() > 1:
            self._accelerator = _accelerator(cpu=self.device.type == "cpu")
            self.number, self.count = self._accelerator.process_index, self._accelerator.num_processes
            self.device = self._accelerator.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.number == 0

    def first_before_others(self) -> AbstractContextManager[None]:
        """What stands in this block is done by the first process, then by the others."""
        if self._accelerator is None:
            return nullcontext()
        turn: AbstractContextManager[None] = self._accelerator.main_process_first()
        return turn

    def replicated(self, model: nn.Module) -> nn.Module:
        """The model, with its gradients averaged over the processes; it starts with the first one's weights."""
        if self._accelerator is None:
            return model
        wrapped: nn.Module = self._accelerator.prepare_model(model)
        return wrapped

    def totals(self, *values: float) -> list[float]:
        """Each value, summed over the processes; the same numbers in all of them."""
        if self._accelerator is None:
            return list(values)
        import torch

        # float64: a clock that goes through here must come out as it went in.
        summed = self._accelerator.reduce(torch.tensor(values, dtype=torch.float64, device=self.device), reduction="sum")
        return [float(value) for value in summed]

    def wait(self) -> None:
        """Until all processes have come here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def end(self) -> None:
        """Take leave of the others, once all are done."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
            self._accelerator.end_training()


def _launched() -> int:
    """How many processes the launcher says that there are."""
    return max(int(os.environ.get(name, "1")) for name in _SIZES)


def _accelerator(*, cpu: bool) -> Any:
    try:
        from accelerate import Accelerator, InitProcessGroupKwargs
    except ImportError as error:
        raise ConfigError("several processes need accelerate, found none: pip install accelerate, or run a single one") from error
    # Precision is the caller's, whatever `accelerate config` once said: autocast to bfloat16 needs no scaling of gradients.
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)])
    kind = accelerator.distributed_type.value
    if not kind.startswith("MULTI_"):
        raise ConfigError(f"accelerate's {kind}: expected plain data parallelism, one process a device; launch without {kind}")
    return accelerator
