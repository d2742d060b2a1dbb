"""Fine-tune a model: `python scripts/train.py configs/embedded.yaml` is `ahdath train configs/embedded.yaml`.

It stands here as a file because torchrun wants one: `torchrun --nproc-per-node 2 scripts/train.py CONFIG`."""

from __future__ import annotations

import sys

from ahdath.cli import app

if __name__ == "__main__":
    app(args=["train", *sys.argv[1:]], prog_name="ahdath")
