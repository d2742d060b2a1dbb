"""Run the measurements and keep them: docs/benchmarks.json and the pages that show it.

Every section stands by itself and names the weights that it measured, so that old numbers beside a new model show.
All paths are relative to the root of the repository, which the caller gives.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ahdath.corpus import read_jsonl
from ahdath.errors import DataError
from ahdath.proof import pages
from ahdath.proof.founding import article
from ahdath.proof.numbers import read_numbers, write_numbers
from ahdath.proof.speed import cold_start, environment, fine_tuning, latency
from ahdath.proof.spelling import robustness
from ahdath.proof.systems import Stock, quality
from ahdath.shipping import digest

__all__ = [
    "EMBEDDED",
    "Setup",
    "example_output",
    "measure",
    "python_blocks",
    "record",
    "refresh",
    "refresh_card",
]

EMBEDDED = Path("src/ahdath/models/embedded")
_JSON, _PAGE, _README = Path("docs/benchmarks.json"), Path("docs/benchmarks.md"), Path("README.md")


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured: the shipped `model`, the `models` of several seeds, what baselines and training start from.

    `encoder` None leaves the stock classifiers and the time of fine-tuning out; `stock_seeds` 0 the former.
    """

    model: Path = EMBEDDED
    models: tuple[Path, ...] = ()
    encoder: str | None = None
    stock_seeds: int = 0
    config: Path = Path("configs/embedded.yaml")
    seeds: Path = Path("seeds")


def measure(name: str, setup: Setup) -> dict[str, Any]:
    """The numbers of a section of `pages.SECTIONS`, with the `digest` of the model that they are of."""
    found = {"quality": _quality, "article": _article, "robustness": _robustness, "speed": _speed}[name](setup)
    return {"model": digest(setup.model), **found}


def _quality(setup: Setup) -> dict[str, Any]:
    from ahdath.config import read_config
    from ahdath.training import TrainConfig

    stock = None
    if setup.encoder and setup.stock_seeds:
        ours = read_config(TrainConfig, setup.config, [f"encoder={setup.encoder}"])
        stock = Stock(setup.encoder, setup.stock_seeds, epochs=ours.epochs, rate=ours.encoder_learning_rate)
    train, test = setup.seeds / "train.jsonl", setup.seeds / "test.jsonl"
    return quality(setup.models, test, train, shipped=setup.model, stock=stock)


def _article(setup: Setup) -> dict[str, Any]:
    from ahdath.inference import EventExtractor

    return article(EventExtractor.from_pretrained(setup.model), setup.seeds)


def _robustness(setup: Setup) -> dict[str, Any]:
    from ahdath.inference import EventExtractor

    return robustness(EventExtractor.from_pretrained(setup.model), read_jsonl(setup.seeds / "test.jsonl"))


def _speed(setup: Setup) -> dict[str, Any]:
    from ahdath.config import read_config
    from ahdath.inference import EventExtractor
    from ahdath.training import TrainConfig

    cold = cold_start(setup.seeds / "article.txt", model=setup.model)
    texts = [document.text for document in read_jsonl(setup.seeds / "test.jsonl")]
    warm = latency(EventExtractor.from_pretrained(setup.model), texts)
    settings = read_config(TrainConfig, setup.config, [f"encoder={setup.encoder}"]) if setup.encoder else None
    return {
        "cold_start": cold,
        "latency": warm,
        "fine_tuning": settings and fine_tuning(settings),
        "folder_mb": sum(path.stat().st_size for path in setup.model.iterdir()) / 1e6,
        "environment": environment(),
    }


def record(root: Path, name: str, found: dict[str, Any]) -> None:
    """Put a section into docs/benchmarks.json and docs/benchmarks.md; the others stay as they are."""
    numbers = read_numbers(root / _JSON) | {name: found}
    write_numbers(root / _JSON, {key: numbers[key] for key in pages.SECTIONS if key in numbers})
    page = (root / _PAGE).read_text(encoding="utf-8")
    (root / _PAGE).write_text(pages.fill(page, {name: pages.section(name, found)}), encoding="utf-8")


def refresh(root: Path) -> None:
    """Write the numbers into README.md and the model card, and what README's first Python block prints below it."""
    numbers = read_numbers(root / _JSON)
    page = (root / _README).read_text(encoding="utf-8")
    bodies = {"goals": pages.goals(numbers), "systems": pages.systems(numbers)}
    if (root / EMBEDDED).exists():
        bodies["example"] = f"```text\n{example_output(root, page)}```"
        refresh_card(root, EMBEDDED)
    (root / _README).write_text(pages.fill(page, bodies), encoding="utf-8")


def refresh_card(root: Path, model: Path) -> None:
    """Write README.md of a model folder, with the numbers of docs/benchmarks.json."""
    (root / model / "README.md").write_text(pages.model_card(read_numbers(root / _JSON)), encoding="utf-8")


def example_output(root: Path, page: str) -> str:
    """What the first Python block of a page prints, run in a fresh process at the root of the repository."""
    program = python_blocks(page)[0]
    command = [sys.executable, "-X", "utf8", "-c", program]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise DataError(f"the first Python block of the page failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def python_blocks(page: str) -> list[str]:
    """The bodies of the fenced Python blocks of a Markdown page."""
    return [part.partition("\n```")[0] for part in page.split("```python\n")[1:]]

