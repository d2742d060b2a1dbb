"""Measure what labelling in bulk costs and write it into docs/capacity.md: `python scripts/capacity.py [--price 0.04]`.

Run it at the root of the repository, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.proof.capacity import capacity, markdown
from ahdath.proof.pages import fill

PAGE = Path("docs/capacity.md")


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or hub name; default: the embedded one")
    parser.add_argument("--data", type=Path, default=Path("seeds/test.jsonl"), help="whose paragraphs are labelled")
    parser.add_argument("--rows", type=int, default=4000, help="how many, over and over")
    parser.add_argument("--shard-rows", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ray", action="store_true", help="measure the Ray engine too")
    parser.add_argument("--price", type=float, help="money a core-hour, in your currency")
    options = parser.parse_args()
    found = capacity(
        [document.text for document in read_jsonl(options.data)],
        model=options.model,
        rows=options.rows,
        workers=options.workers,
        engines=("local", "ray") if options.ray else ("local",),
        shard_rows=options.shard_rows,
    )
    body = markdown(found, options.price)
    print(body)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), {"capacity": body}), encoding="utf-8")


if __name__ == "__main__":
    main()
