"""Put a system on the leaderboard: `python scripts/leaderboard.py add ANSWERS.jsonl --name NAME --who WHO`.

ANSWERS are the system's Documents on `--gold`, as for `ahdath score`. `ours` runs the shipped model and the lexicon coder and
adds them; `page` only writes docs/leaderboard.md from docs/leaderboard.json, which the others do too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from ahdath.baselines import LexiconCoder
from ahdath.corpus import read_jsonl
from ahdath.inference import EventExtractor
from ahdath.proof import leaderboard, pages
from ahdath.proof.run import EMBEDDED
from ahdath.shipping import digest

FILE, PAGE = Path("docs/leaderboard.json"), Path("docs/leaderboard.md")


def ours(gold: Path, who: str) -> None:
    """The systems of this library."""
    model, coder = EventExtractor.from_pretrained(EMBEDDED), LexiconCoder.fit(read_jsonl("seeds/train.jsonl"))
    with TemporaryDirectory() as folder:
        for name, system, about in (
            ("embedded", model, f"the default of that day, weights {digest(EMBEDDED)[:12]}"),
            ("lexicon coder", coder, "triggers and arguments looked up as `seeds/train.jsonl` has them"),
        ):
            answers = Path(folder) / f"{name}.jsonl"
            leaderboard.answer(system, gold, answers)
            leaderboard.add(FILE, leaderboard.entry(answers, gold, name=name, who=who, about=about))


def main() -> None:
    """Parse, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["add", "ours", "page"])
    parser.add_argument("answers", nargs="?", type=Path, help="of `add`: JSONL of the system's Documents")
    parser.add_argument("--name", default="", help="of `add`: what the system is called")
    parser.add_argument("--who", default="ahdath", help="who built and ran it")
    parser.add_argument("--about", default="", help="what a reader should know: size, training data, address")
    parser.add_argument("--date", help="YYYY-MM-DD; today")
    parser.add_argument("--gold", type=Path, default=Path("seeds/test.jsonl"))
    options = parser.parse_args()
    if options.what == "add":
        if options.answers is None:
            parser.error("add: expected a file of answers")
        told = {"name": options.name, "who": options.who, "about": options.about, "date": options.date}
        leaderboard.add(FILE, leaderboard.entry(options.answers, options.gold, **told))
    elif options.what == "ours":
        ours(options.gold, options.who)
    body = leaderboard.table(leaderboard.read(FILE))
    PAGE.write_text(pages.fill(PAGE.read_text(encoding="utf-8"), {"leaderboard": body}), encoding="utf-8")
    print(body)


if __name__ == "__main__":
    main()
