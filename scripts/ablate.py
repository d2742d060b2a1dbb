"""What the parts of the embedded model are worth: `python scripts/ablate.py runs/encoder` writes docs/ablations.md. Each variant learns from
the same half of `seeds/train.jsonl`, with one seed, for the epochs of the config: enough to rank choices, not to be compared with
docs/benchmarks.md."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from ahdath.config import read_config
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.proof import pages
from ahdath.training import TrainConfig, dev_scores, train

PAGE = Path("docs/ablations.md")
VARIANTS = {
    "as shipped: features beside the pieces, first+last piece": {},
    "words from the mean of their pieces": {"pooling": "mean"},
    "words from their first piece": {"pooling": "first"},
    "stem vectors only as initial embeddings of the encoder": {"lexical_features": False, "ngram_buckets": 0},
}


def main() -> None:
    """Train every variant, write the table."""
    folder, encoder = Path("runs/ablation"), Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "train.jsonl", read_jsonl("seeds/train.jsonl")[::2])
    base = read_config(TrainConfig, "configs/embedded.yaml", [f"encoder={encoder}", f"train={folder / 'train.jsonl'}"])
    body = "| variant | TC | AC+ | AC+ with gold triggers | sentence types |\n| --- | --- | --- | --- | --- |\n"
    for number, (name, changes) in enumerate(VARIANTS.items()):
        settings = replace(base, evaluate_from=base.epochs, output=str(folder / str(number)), **changes)
        found = dev_scores(train(settings), read_jsonl("seeds/test.jsonl"))
        body += f"| {name} | " + " | ".join(f"{found[key]:.1f}" for key in list(found)[:4]) + " |\n"
        PAGE.write_text(pages.fill(PAGE.read_text(encoding="utf-8"), {"parts": body}), encoding="utf-8")


if __name__ == "__main__":
    main()
