"""Make the small encoder: `python scripts/pretrain.py configs/pretrain.yaml` is `ahdath pretrain …`.

On several devices: `accelerate launch --num_processes 2 scripts/pretrain.py CONFIG`; on a CPU `torchrun --nproc-per-node 2 …`."""

from __future__ import annotations

import sys

from ahdath.cli import app

if __name__ == "__main__":
    app(args=["pretrain", *sys.argv[1:]], prog_name="ahdath")
