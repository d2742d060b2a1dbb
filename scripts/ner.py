"""Compare an encoder on ANERcorp: `python scripts/ner.py FOLDER --name "ours" --encoder runs/encoder` writes docs/encoder.json and
docs/encoder.md. FOLDER holds train.txt, test.txt and test_clean.txt.

A run that breaks off goes on when started again. `--config` names settings whose encoder, spelling, features and rates are used
(configs/arabertv02.yaml for AraBERT); `--limit 300 --epochs 2 --output trial` is a trial.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.config import read_config
from ahdath.proof import encoders, ner
from ahdath.training import TrainConfig


def main() -> None:
    """Parse, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", required=True, help="what the table calls the encoder")
    parser.add_argument("--config", type=Path, default=Path("configs/embedded.yaml"))
    parser.add_argument("--encoder", help="folder or hub name, in place of the config's")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE", help="another setting of the config")
    parser.add_argument("--rows", nargs="+", default=["plain", "random", "package"], help=", ".join(ner.ROWS))
    parser.add_argument("--epochs", type=int, default=ner.EPOCHS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rates", type=float, nargs="*", default=[], help="of the encoder; default: the config's and 2.5 times that")
    parser.add_argument("--dropouts", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("--limit", type=int, help="so many sentences of each file, for a trial")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of encoder.json and encoder.md")
    options = parser.parse_args()
    changes = [*options.changes, f"epochs={options.epochs}", "evaluate_from=1"]
    settings = read_config(TrainConfig, options.config, [*changes, f"encoder={options.encoder}"] if options.encoder else changes)
    plan = ner.Plan(
        options.name, settings, options.data, options.output / "encoder.json", rows=tuple(options.rows), seeds=tuple(options.seeds),
        rates=tuple(options.rates), dropouts=tuple(options.dropouts), limit=options.limit,
    )  # fmt: skip
    print(ner.table(ner.measure(plan)["ner"]))
    encoders.write_page(options.output)


if __name__ == "__main__":
    main()
