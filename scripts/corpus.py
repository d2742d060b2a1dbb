"""Measure what the corpus is worth: writes docs/corpus.json, docs/corpus.md and docs/corpus.svg. Run it at the root of the repository.

`slices` and `confusions`: finished runs (`--models`) on dev and test, by kind of paragraph and by type; `before`: the confusions of
earlier runs, to compare with. `curve`: trains on `--shares` of train; all of it may also come from finished runs (`--full`).
`batches`: each batch of train read by a model that has not seen it. Both go on where they were broken off. `pages`: the page anew
from the numbers there are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.proof import batches, confusions, curve, slices
from ahdath.proof.corpus_page import write_page
from ahdath.proof.numbers import read_numbers, write_numbers


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=["slices", "confusions", "before", "curve", "batches", "pages"])
    parser.add_argument("--models", type=Path, nargs="+", default=[], help="of slices, confusions and before: finished runs, a seed each")
    parser.add_argument("--full", type=Path, nargs="+", default=[], help="of curve: finished runs on all of the present train.jsonl")
    parser.add_argument("--shares", type=float, nargs="*", default=curve.SHARES, help="of curve, in percent")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of curve; batches take the first")
    parser.add_argument("--folds", type=int, default=7, help="of batches")
    parser.add_argument("--epochs", type=int, help="of curve, unless those of the config; of batches, unless 8")
    parser.add_argument("--encoder", default="runs/encoder", help="an encoder that has seen no annotation")
    parser.add_argument("--config", type=Path, default=Path("configs/embedded.yaml"))
    parser.add_argument("--corpus", type=Path, default=Path("seeds"), help="folder of train.jsonl, dev.jsonl and test.jsonl")
    parser.add_argument("--runs", type=Path, default=Path("runs/corpus"), help="folder of the trainings")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of corpus.json and corpus.md")
    options = parser.parse_args()
    file = options.output / "corpus.json"
    shorter = () if options.epochs is None else (f"epochs={options.epochs}",)
    plan = curve.Plan(file, options.runs, options.corpus, options.encoder, options.config, shorter)
    if options.section in ("slices", "confusions", "before"):
        data = {name: read_jsonl(options.corpus / f"{name}.jsonl") for name in ("dev", "test")}
        found = (
            slices.measure(options.models, data)
            if options.section == "slices"
            else confusions.measure(options.models, [document for part in data.values() for document in part])
        )
        write_numbers(file, {**read_numbers(file), options.section: found})
    elif options.section == "curve":
        curve.measure(plan, shares=options.shares, seeds=options.seeds, full=options.full)
    elif options.section == "batches":
        batches.measure(plan, count=options.folds, seed=options.seeds[0], epochs=options.epochs or batches.EPOCHS)
    write_page(options.output)


if __name__ == "__main__":
    main()
