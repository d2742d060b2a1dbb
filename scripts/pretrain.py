"""Make the small encoder: `python scripts/pretrain.py configs/pretrain.yaml` is `ahdath pretrain …`."""

from __future__ import annotations

import sys

from ahdath.cli import app

if __name__ == "__main__":
    app(args=["pretrain", *sys.argv[1:]], prog_name="ahdath")
