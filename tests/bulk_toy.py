"""A toy in place of the model for the processes of a labelling job: it needs no torch, so it can be killed often.

It stands in a `sitecustomize.py`, which every Python runs that finds it on its path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent.parent / "src"
TOY = '''
import os, sys, time, types

class EventExtractor:
    """An attack for every قصفت, with the word behind it; slow, and put off by some words."""

    name = "toy"

    @classmethod
    def from_pretrained(cls, path=None):
        return cls()

    def classify_many(self, texts, *, batch_size=16, threshold=None, types=None, sentences_only=False):
        from ahdath.errors import OntologyError
        if types and "Conflict.Attack" not in types:
            raise OntologyError(f"Unknown event type {types[0]!r}")
        return map(self._read, texts)

    def _read(self, text):
        from ahdath.schema import Argument, Document, Event, Sentence, Span
        time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
        if "تعطل" in text:
            raise RuntimeError("out of order")
        if "انهار" in text:
            os._exit(3)
        events, at = [], text.find("قصفت")
        while at >= 0:
            end = text.find(" ", at + 5)
            span = Span.of(text, at + 5, end if end > 0 else len(text))
            events.append(Event("Conflict.Attack", Span.of(text, at, at + 4), (Argument("Agent", span, 0.5),), score=0.75))
            at = text.find("قصفت", at + 4)
        types = {"Conflict.Attack": 0.75} if events else {}
        sentences = [Sentence(0, len(text), text, tuple(types), types)] if text else []
        return Document(text, events, sentences, model="toy", ontology="0", types=types)

sys.modules["ahdath.inference"] = types.ModuleType("ahdath.inference")
sys.modules["ahdath.inference"].EventExtractor = EventExtractor
'''


def toy_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder; and processes that are started from now on have the toy for it."""
    place = tmp_path / "toy-path"
    place.mkdir()
    (place / "sitecustomize.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(place), str(SOURCE))))
    monkeypatch.setenv("RAY_worker_niceness", "0")
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "config.json").write_text("{}", encoding="utf-8")
    return model


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ahdath", "label", *map(str, arguments)]


def run(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """`ahdath label` in a process of its own."""
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, cwd=cwd, check=False)


def results(output: Path) -> dict[str, bytes]:
    """All that a job has given, byte for byte."""
    paths = [path for folder in ("documents", "events", "manifests") for path in sorted((output / folder).iterdir())]
    return {str(path.relative_to(output)): path.read_bytes() for path in [*paths, output / "errors.jsonl", output / "summary.json"]}


def write_rows(path: Path, count: int, *, first: int = 0) -> Path:
    """JSON lines: every second one tells of attacks, as many as its number has digits; every tenth is bad."""
    with path.open("w", encoding="utf-8") as stream:
        for number in range(first, first + count):
            text = f"الخبر {number}: " + "قصفت الطائرات حلب. " * (number % 2 * len(str(number)))
            row: Any = {"id": f"n{number}", "text": text} if number % 10 != 7 else {"id": f"n{number}"}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path
