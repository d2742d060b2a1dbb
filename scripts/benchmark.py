"""Measure what the project claims, section by section, into docs/benchmarks.json and docs/benchmarks.md.

`python scripts/benchmark.py quality|article|robustness|speed`, then `readme` copies the numbers and what the example
prints into README.md and the model card; `all` does all of it. Run it at the root of the repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.proof.pages import SECTIONS
from ahdath.proof.run import EMBEDDED, Setup, measure, record, refresh


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=[*SECTIONS, "all", "readme"])
    parser.add_argument("--model", type=Path, default=EMBEDDED, help="the shipped model")
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="runs of one recipe with several seeds")
    parser.add_argument("--encoder", help="the pre-trained encoder; without it no stock classifiers, no training time")
    parser.add_argument("--stock", action="store_true", help="train the stock classifiers of transformers too")
    parser.add_argument("--stock-seeds", type=int, default=1)
    parser.add_argument("--config", type=Path, default=Path("configs/embedded.yaml"), help="settings whose training is timed")
    parser.add_argument("--seeds", type=Path, default=Path("seeds"), help="folder of the corpus")
    options = parser.parse_args()
    stock = options.stock_seeds if options.stock else 0
    if options.stock and options.encoder is None:
        parser.error("--stock needs --encoder")
    setup = Setup(options.model, tuple(options.models), options.encoder, stock, options.config, options.seeds)
    for name in SECTIONS if options.section == "all" else () if options.section == "readme" else (options.section,):
        record(Path(), name, measure(name, setup))
        print(f"{name}: written to docs/benchmarks.json and docs/benchmarks.md", flush=True)
    if options.section in ("all", "readme"):
        refresh(Path())
        print("README.md and the model card: refreshed")


if __name__ == "__main__":
    main()
