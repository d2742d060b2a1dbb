"""Compare encoders on the event corpus: writes docs/encoder.json and docs/encoder.md.

`python scripts/encoders.py --runs half-hour=runs/half-0,runs/half-1,runs/half-2 --runs final=runs/final-0,…`: each name
stands for finished runs of one encoder, a folder a seed. `--gains FILE` puts a JSON list of measured rows (name, changed,
validation_loss, TC, AC+) into the table of cheap gains. Without either the page is written anew from the numbers there are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ahdath.proof import encoders
from ahdath.proof.numbers import read_numbers, write_numbers


def main() -> None:
    """Parse, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", action="append", default=[], metavar="NAME=FOLDER,…")
    parser.add_argument("--against", help="the name that others are compared with; default: the first")
    parser.add_argument("--seeds", type=Path, default=Path("seeds"), help="folder of dev.jsonl and test.jsonl")
    parser.add_argument("--bootstrap", type=int, default=1000)
    parser.add_argument("--gains", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of encoder.json and encoder.md")
    options = parser.parse_args()
    file = options.output / "encoder.json"
    new: dict[str, Any] = {}
    if options.gains:
        new["gains"] = [row.to_dict() for row in encoders.read_gains(options.gains)]
    if options.runs:
        runs = encoders.parse_runs(options.runs)
        data = {name: options.seeds / f"{name}.jsonl" for name in ("dev", "test")}
        new["encoders"] = encoders.measure(runs, data, against=options.against or next(iter(runs)), bootstrap=options.bootstrap)
        print(encoders.table(new["encoders"]))
    write_numbers(file, read_numbers(file) | new)
    encoders.write_page(options.output)


if __name__ == "__main__":
    main()
