"""How long texts are best cut into windows: `python scripts/windows.py` measures it on seeds/dev.jsonl, eight paragraphs joined at a time,
with the shipped model, and writes docs/ablations.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.inference import EventExtractor
from ahdath.proof import pages, windows

SETTINGS = [(256, 50), (256, 12), (192, 12), (144, 50), (144, 20), (144, 12), (144, 6), (128, 12), (96, 12)]


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="default: the shipped one")
    parser.add_argument("--data", type=Path, default=Path("seeds/dev.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/ablations.md"))
    options = parser.parse_args()
    body = windows.table(windows.measure(EventExtractor.from_pretrained(options.model), read_jsonl(options.data), SETTINGS))
    print(body)
    options.page.write_text(pages.fill(options.page.read_text(encoding="utf-8"), {"windows": body}), encoding="utf-8")


if __name__ == "__main__":
    main()
