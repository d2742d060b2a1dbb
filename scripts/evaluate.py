"""Score a model: `python scripts/evaluate.py --model runs/embedded --data seeds/test.jsonl` is `ahdath evaluate …`."""

from __future__ import annotations

import sys

from ahdath.cli import app

if __name__ == "__main__":
    app(args=["evaluate", *sys.argv[1:]], prog_name="ahdath")
