"""Silver paragraphs: `python scripts/silver.py TEXT runs/silver.jsonl --models RUN RUN RUN --count 12000`.

Draws paragraphs from a file or folder of .txt or .txt.xz (a paragraph a line) and marks in them what most of the models see.
`ahdath train configs/silver.yaml` learns from them before `configs/embedded.yaml` learns from `seeds/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.corpus import write_jsonl
from ahdath.inference import EventExtractor
from ahdath.lexicon import read_lines
from ahdath.silver import agreed, draw


def main() -> None:
    """Draw, read with each model, write what they agree on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--models", nargs="+", required=True, help="finished runs, an odd number")
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    texts = draw(read_lines(options.text), options.count, seed=options.seed)
    answers = [list(EventExtractor.from_pretrained(model, runtime="torch").classify_many(texts)) for model in options.models]
    documents = [agreed(found) for found in zip(*answers, strict=True)]
    write_jsonl(options.output, documents)
    events = [event for document in documents for event in document.events]
    print(f"{len(documents):,} paragraphs, {len(events):,} events, {sum(len(event.arguments) for event in events):,} arguments")


if __name__ == "__main__":
    main()
