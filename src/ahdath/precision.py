"""The precision to train in: bfloat16 where the machine multiplies faster in it, float32 elsewhere.

Autocast to bfloat16 is much faster on a GPU or on a CPU with AMX and slower on other CPUs, which is not to be read off their
names or flags: some have AVX512-BF16 and multiply faster in float32. So a CPU is timed.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["in_bfloat16"]

_GAIN = 1.2  # by which products must be faster, since the casts take time too
_SHAPE = (1024, 256, 1024)  # rows, inner and columns of a feed-forward layer of the embedded encoder


def in_bfloat16(choice: bool | None) -> bool:
    """Whether to train in bfloat16: `choice`, or for None what is faster here; a CPU is timed once a process, in some 50 ms.

    >>> in_bfloat16(True)  # of the settings, `bf16: true`
    True
    """
    import torch

    if choice is not None:
        return choice
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return _seconds(torch.float32) > _GAIN * _seconds(torch.bfloat16)


@cache
def _seconds(dtype: torch.dtype) -> float:
    """The fastest of some matrix products on the CPU: others may keep the machine busy at times."""
    import torch

    rows, inner, columns = _SHAPE
    left, right = torch.ones(rows, inner, dtype=dtype), torch.ones(inner, columns, dtype=dtype)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        torch.mm(left, right)
        times.append(time.perf_counter() - began)
    return min(times)
