"""Which of several finished runs becomes the default.

Seeds differ on dev by less than a paragraph's chance, so what ships must read an event alike however an outlet words it, and the
founding article as well as any; dev decides what is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WITHIN", "Candidate", "chosen", "judged"]

WITHIN = 1.0
"""Points of dev score that are chance between seeds."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished run: `dev`, the score that picked its best epoch, in points; whether it is `even` (`wording.is_even_handed`); and of
    the founding article's chosen events those with type, with key argument, exactly: `article`."""

    run: Path
    dev: float
    even: bool
    article: tuple[int, int, int]

    def __str__(self) -> str:
        told = " / ".join(str(count) for count in self.article)
        return f"{self.run}: dev {self.dev:.1f}, article {told}{'' if self.even else ', uneven'}"


def judged(run: Path, seeds: Path) -> Candidate:
    """Read dev score, wordings and the founding article (in the folder `seeds`) of a finished run, in float32.

    Raises OSError or ValueError where `run` holds no training.json.
    """
    from ahdath.inference import EventExtractor
    from ahdath.proof.founding import article
    from ahdath.proof.wording import consistency, is_even_handed

    final = json.loads((run / "training.json").read_text(encoding="utf-8"))["final"]
    extractor = EventExtractor.from_pretrained(run, runtime="torch")
    passed = article(extractor, seeds)["passed"]
    counts = (passed["trigger"], passed["overlap"], passed["exact"])
    return Candidate(run, float(final["eval_mean"]), is_even_handed(consistency(extractor)), counts)


def chosen(candidates: Sequence[Candidate]) -> Candidate | None:
    """The even one that reads most of the founding article's events (all three counts added up), of those that are within a point
    of the best on dev; of equals the better on dev. None where none is even.

    >>> a, b = (Candidate(Path(name), dev, True, (14, 12, hits)) for name, dev, hits in (("a", 69.8, 11), ("b", 70.3, 8)))
    >>> chosen([a, b]).run.name
    'a'
    """
    even = [one for one in candidates if one.even]
    best = max((one.dev for one in even), default=0.0)
    near = [one for one in even if one.dev >= best - WITHIN]
    return max(near, key=lambda one: (sum(one.article), one.dev), default=None)
