"""Measure whether the type of an event depends on an outlet's choice of words: writes docs/wording.json and docs/wording.md.

Run it at the root of the repository: `python scripts/wording.py`, after every new model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ahdath.inference import EventExtractor
from ahdath.proof.run import EMBEDDED
from ahdath.proof.wording import SETS, consistency, page, read_sets
from ahdath.shipping import digest


def main() -> None:
    """Parse, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--sets", type=Path, default=SETS, help="other sets of wordings, in the same layout")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of wording.json and wording.md")
    options = parser.parse_args()
    extractor = EventExtractor.from_pretrained(options.model, runtime="torch")  # the weights; int8 graphs differ at thresholds
    found = {"model": digest(options.model), **consistency(extractor, read_sets(options.sets))}
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, ensure_ascii=False, indent=1)
    (options.output / "wording.json").write_text(text + "\n", encoding="utf-8")
    (options.output / "wording.md").write_text(page(found), encoding="utf-8")
    print(page(found), end="")


if __name__ == "__main__":
    main()
