"""Measure what few annotated paragraphs are worth: `python scripts/suggest.py own|choice|pages --encoder runs/encoder`.

`own`: three new types from 50, 100 and 200 paragraphs; `choice`: uncertainty against chance. Points go to docs/suggest.json as
they come, a run that breaks off goes on when started again; `pages` writes them into docs/own-events.md and docs/suggest.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ahdath.proof import pages, suggesting
from ahdath.proof.numbers import read_numbers


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=["own", "choice", "pages"])
    parser.add_argument("--encoder", default="runs/encoder", help="an encoder that has seen no annotation")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--sizes", type=int, nargs="*", default=suggesting.SIZES, help="of `own`")
    parser.add_argument("--starts", nargs="*", default=list(suggesting.STARTS), help="of `own`")
    options = parser.parse_args()
    plan = suggesting.Plan(encoder=options.encoder)
    if options.section == "own":
        suggesting.own_events(plan, starts=options.starts, sizes=options.sizes, seeds=options.seeds)
    elif options.section == "choice":
        suggesting.choosing(plan, seeds=options.seeds)
    found = read_numbers(plan.file)
    bodies = {"own-events": suggesting.own_events_table(found), "suggest": suggesting.choosing_table(found)}
    for name, body in bodies.items():
        page = Path("docs") / f"{name}.md"
        page.write_text(pages.fill(page.read_text(encoding="utf-8"), {name: body}), encoding="utf-8")


if __name__ == "__main__":
    main()
