"""Which of several runs ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ahdath.inference import EventExtractor
from ahdath.proof import founding, wording
from ahdath.proof.candidates import WITHIN, Candidate, chosen, judged


def run(name: str, dev: float, article: tuple[int, int, int] = (12, 10, 8), *, even: bool = True) -> Candidate:
    return Candidate(Path(name), dev, even, article)


def test_the_article_decides_between_runs_that_chance_explains() -> None:
    assert chosen([run("a", 70.3), run("b", 69.9, (12, 10, 9))]) == run("b", 69.9, (12, 10, 9))
    assert chosen([run("a", 70.3), run("b", 69.9)]) == run("a", 70.3)


def test_a_run_that_is_worse_on_dev_is_not_taken_for_the_article() -> None:
    assert chosen([run("a", 70.3), run("b", 70.2 - WITHIN, (15, 15, 15))]) == run("a", 70.3)


def test_an_uneven_run_is_never_taken_and_is_no_measure_for_the_others() -> None:
    best = run("a", 75.0, (15, 15, 15), even=False)
    assert chosen([best, run("b", 69.0), run("c", 69.5)]) == run("c", 69.5)
    assert chosen([best]) is None
    assert chosen([]) is None


def test_a_run_is_judged_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "training.json").write_text(json.dumps({"final": {"eval_mean": 70.25}}), encoding="utf-8")
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: "extractor")
    monkeypatch.setattr(founding, "article", lambda *_: {"passed": {"of": 15, "trigger": 14, "overlap": 12, "exact": 11}})
    monkeypatch.setattr(wording, "consistency", lambda _: "found")
    monkeypatch.setattr(wording, "is_even_handed", lambda found: found != "found")
    found = judged(tmp_path, tmp_path)
    assert found == Candidate(tmp_path, 70.25, False, (14, 12, 11))
    assert str(found) == f"{tmp_path}: dev 70.2, article 14 / 12 / 11, uneven"
