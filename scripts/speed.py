"""Measure speed against stock pipelines and the machine's own limit: writes docs/speed.json, docs/speed.md and its plot.

`python scripts/speed.py` measures what is missing, about twelve minutes on two quiet cores; `--only embedded-60 length` some
sections, `--again` those that are there too, `--quick --output trial` tries everything out. Run it at the root of the
repository, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from transformers.utils import logging

from ahdath.proof.speed_page import SECTIONS
from ahdath.proof.speedrun import Plan, measure, quick


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), metavar="NAME", help=", ".join(SECTIONS))
    parser.add_argument("--again", action="store_true", help="measure anew what is there")
    parser.add_argument("--quick", action="store_true", help="a trial that says nothing of speed; give another --output")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of speed.json and speed.md")
    parser.add_argument("--work", type=Path, help="where the large model is built and kept; default: thrown away")
    options = parser.parse_args()
    if options.quick and options.output == Path("docs"):
        parser.error("--quick writes numbers that say nothing: give another --output")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(work=options.work or Path(folder), output=options.output)
        measure(quick(plan) if options.quick else plan, options.only, again=options.again)


if __name__ == "__main__":
    main()
