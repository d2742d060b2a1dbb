"""Put a finished run into the package: `python scripts/ship.py runs/embedded-0 runs/embedded-1 runs/embedded-2`.

Of several runs the one with the best dev score is taken, among those for which the wording of an event hardly matters
(`proof.wording.is_even_handed`): a model that reads one side's words better than the other's is not shipped. The weights are
packed, the card written, and the packed model is compared with the run on dev: exit code 1 if it lost more than half a point of F1.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.inference import EventExtractor
from ahdath.proof.run import EMBEDDED, refresh_card
from ahdath.proof.wording import consistency, is_even_handed
from ahdath.runtime.ranges import read_texts
from ahdath.shipping import agreement, digest, ship


def dev_score(run: Path) -> float:
    """The score that picked the best epoch of a run, of its finished model."""
    return float(json.loads((run / "training.json").read_text(encoding="utf-8"))["final"]["eval_mean"])


def main() -> int:
    """Choose, pack, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    parser.add_argument("--data", type=Path, default=Path("seeds/dev.jsonl"))
    parser.add_argument("--calibrate", type=Path, default=Path("seeds/train.jsonl"), help="text for the ranges of int8")
    options = parser.parse_args()
    even = [run for run in options.runs if is_even_handed(consistency(EventExtractor.from_pretrained(run, runtime="torch")))]
    if not even:
        print("no run reads the wordings of an event alike (python scripts/wording.py --model RUN); train another seed")
        return 1
    run = max(even, key=dev_score)
    print("best on dev:", ", ".join(f"{one} {dev_score(one):.1f}{'' if one in even else ', uneven'}" for one in options.runs))
    size = ship(run, options.target, calibration=read_texts(options.calibrate))
    refresh_card(Path(), options.target)
    print(f"{run} -> {options.target}: {size / 1e6:.1f} MB, weights {digest(options.target)}")
    models = [EventExtractor.from_pretrained(path) for path in (run, options.target)]
    found = agreement(models[0], models[1], read_jsonl(options.data))
    print("\n".join(f"{name}: {value:.3f}" for name, value in found.items()))
    return int(any(found[f"before {name}"] - found[f"after {name}"] > 0.5 for name in ("TC f1", "AC+ f1")))


if __name__ == "__main__":
    sys.exit(main())
