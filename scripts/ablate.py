"""What parts and recipe of the embedded model are worth: `python scripts/ablate.py parts|recipe runs/encoder` fills docs/ablations.md.

Each variant learns from the same fourth of `seeds/train.jsonl`, with one seed, for the epochs of the config: enough to rank
choices, not to be compared with docs/benchmarks.md. The row from silver is no fair contest: the models that marked those
paragraphs had read far more of train than this fourth. A run that breaks off goes on when started again.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ahdath.config import read_config
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.proof import pages
from ahdath.training import TrainConfig, dev_scores, train

PAGE, FOLDER = Path("docs/ablations.md"), Path("runs/ablation")
HEAD = "| variant | TC | AC+ | AC+ with gold triggers | sentence types | AC+ with gold triggers, of what it learned from |\n"
PLAIN: dict[str, dict[str, Any]] = {"the recipe, from the encoder alone": {}}
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "parts": {
        "words from the mean of their pieces": {"pooling": "mean"},
        "words from their first piece": {"pooling": "first"},
        "stem vectors only as initial embeddings of the encoder": {"lexical_features": False, "ngram_buckets": 0},
    },
    "recipe": {
        "as shipped: from silver paragraphs": {"encoder": "runs/silver"},
        "arguments count as much as triggers in the loss": {"loss_weights": {}},
        "dropout 0.3": {"dropout": 0.3},
        "ten epochs": {"epochs": 10},
    },
}


def main() -> None:
    """Train the variants of a section, write its table."""
    section, encoder = sys.argv[1], Path(sys.argv[2])
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen, test = read_jsonl("seeds/train.jsonl")[::4], read_jsonl("seeds/test.jsonl")
    write_jsonl(FOLDER / "train.jsonl", chosen)
    base = read_config(TrainConfig, "configs/embedded.yaml", [f"encoder={encoder}", f"train={FOLDER / 'train.jsonl'}"])
    body = HEAD + "|" + " --- |" * HEAD.count(" | ") + " --- |\n"
    for name, changes in (PLAIN | VARIANTS[section]).items():
        settings = replace(base, evaluate_from=base.epochs, output=str(FOLDER / name.replace(" ", "-")), **changes)
        model = train(settings)  # one that is finished is only calibrated again, one of other settings refused
        found, fit = dev_scores(model, test), dev_scores(model, chosen[::4])
        cells = [*list(found.values())[:4], fit["eval_ac_gold"]]
        body += f"| {name} | " + " | ".join(f"{value:.1f}" for value in cells) + " |\n"
        PAGE.write_text(pages.fill(PAGE.read_text(encoding="utf-8"), {section: body}), encoding="utf-8")


if __name__ == "__main__":
    main()
