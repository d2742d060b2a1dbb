"""Put a finished run into the package: `python scripts/ship.py runs/embedded-0 runs/embedded-1 runs/embedded-2`.

Of several runs that are as good on dev as chance allows, the one is taken that reads the founding article best, among those for which
the wording of an event hardly matters (`proof.candidates`). The weights are packed, the card written, and the packed model is
compared with the run on dev: exit code 1 if it lost more than half a point of F1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.inference import EventExtractor
from ahdath.proof.candidates import chosen, judged
from ahdath.proof.run import EMBEDDED, refresh_card
from ahdath.runtime.ranges import read_texts
from ahdath.shipping import agreement, digest, ship


def main() -> int:
    """Choose, pack, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    parser.add_argument("--data", type=Path, default=Path("seeds/dev.jsonl"))
    parser.add_argument("--calibrate", type=Path, default=Path("seeds/train.jsonl"), help="text for the ranges of int8")
    options = parser.parse_args()
    candidates = [judged(run, options.data.parent) for run in options.runs]
    print("\n".join(str(one) for one in candidates))
    best = chosen(candidates)
    if best is None:
        print("no run reads the wordings of an event alike (python scripts/wording.py --model RUN); train another seed")
        return 1
    run = best.run
    size = ship(run, options.target, calibration=read_texts(options.calibrate))
    refresh_card(Path(), options.target)
    print(f"{run} -> {options.target}: {size / 1e6:.1f} MB, weights {digest(options.target)}")
    models = [EventExtractor.from_pretrained(path) for path in (run, options.target)]
    found = agreement(models[0], models[1], read_jsonl(options.data))
    print("\n".join(f"{name}: {value:.3f}" for name, value in found.items()))
    return int(any(found[f"before {name}"] - found[f"after {name}"] > 0.5 for name in ("TC f1", "AC+ f1")))


if __name__ == "__main__":
    sys.exit(main())
