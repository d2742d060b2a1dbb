"""Fresh processes: how long until the first answer, and how time and memory grow with the length of a text.

Every measurement has a process of its own, started with this Python, so that nothing is warm and the most memory it
held is its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from ahdath.errors import DataError
from ahdath.proof.peers import STRIDE, Peer
from ahdath.proof.speed import run_fresh
from ahdath.proof.subjects import Subject
from ahdath.proof.throughput import alternate

__all__ = ["OURS", "length", "save_pipeline", "started", "starts"]

# The high-water mark of /proc is of this program alone; that of getrusage outlives exec on Linux and may be the parent's.
_MEMORY = """
import json, resource, sys, time
from pathlib import Path

def mib():
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
"""

_IMPORT = """
import json, time
start = time.perf_counter()
import ahdath
print(json.dumps({"import_s": time.perf_counter() - start}))
"""

OURS = f"""{_MEMORY}
import ahdath
file, folder, runtime, dtype = sys.argv[1:]
text = Path(file).read_text(encoding="utf-8")
extractor = ahdath.EventExtractor.from_pretrained(Path(folder), runtime=runtime, dtype=dtype or None)
found = len(extractor.classify(text).events)
print(json.dumps({{"found": found, "mib": mib()}}))
"""

_PIPELINE = f"""{_MEMORY}
import torch
from transformers import pipeline
file, folder, stride, dtype = sys.argv[1:]
paragraphs = Path(file).read_text(encoding="utf-8").split("\\n")
pipe = pipeline("token-classification", folder, aggregation_strategy="simple", stride=int(stride), device="cpu",
                dtype=getattr(torch, dtype))
found = sum(map(len, pipe([one for one in paragraphs if one.strip()])))
print(json.dumps({{"found": found, "mib": mib()}}))
"""

_LENGTH = f"""{_MEMORY}
import ahdath
file, folder = sys.argv[1:]
extractor = ahdath.EventExtractor.from_pretrained(Path(folder), runtime="int8")
with open(file, encoding="utf-8") as stream:
    extractor.classify(next(stream))

def told(events, start=0):
    return [(e.type, e.trigger.start - start, e.trigger.end - start, e.polarity, e.modality,
             [(a.role, a.span.start - start, a.span.end - start) for a in e.arguments]) for e in events]

before = mib()
start = time.perf_counter()
with open(file, encoding="utf-8") as stream:
    for document in extractor.classify_many(stream):
        pass
stream_s, stream_mib = time.perf_counter() - start, mib()
text = Path(file).read_text(encoding="utf-8")
lines = text.split("\\n")
start = time.perf_counter()
whole = extractor.classify(text).events
whole_s, whole_mib = time.perf_counter() - start, mib()
alone = {{line: extractor.classify(line).events for line in dict.fromkeys(lines)}}
at = offset = same = 0
gap = 0.0
for line in lines:
    mine = []
    while at < len(whole) and whole[at].trigger.start < offset + len(line):
        mine.append(whole[at])
        at += 1
    if told(mine, offset) == told(alone[line]):
        same += 1
        gap = max([gap, *(abs(a.score - b.score) for a, b in zip(mine, alone[line]))])
    offset += len(line) + 1
print(json.dumps({{"loaded_mib": before, "stream_s": stream_s, "stream_mib": stream_mib, "whole_s": whole_s,
                  "whole_mib": whole_mib, "paragraphs": len(lines), "same": same, "score_gap": gap, "events": len(whole)}}))
"""


def started(program: str, *arguments: str) -> dict[str, Any]:
    """Run a program in a new process: what it prints as JSON in its last line, and its wall-clock "seconds".

    Raises DataError when it fails.
    """
    seconds, said = run_fresh(program, *arguments)
    return {"seconds": seconds, **said}


def starts(subject: Subject, text_file: Path, *, pipeline: Path | None = None, runs: int = 5) -> dict[str, Any]:
    """Seconds from the start of a process to its end, a text read between, and the most MiB it held, by contender.

    Medians of `runs` processes of each, in turn, the highest for memory; a process before them warms the file cache.
    `pipeline` is a folder that a stock token pipeline loads. "import_s" is `import ahdath` alone.
    """
    file, empty = str(text_file), ""
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "import": partial(started, _IMPORT),
        "ours, int8": partial(started, OURS, file, str(subject.int8), "int8", empty),
    }
    for dtype in ("bfloat16", "float32"):
        calls[f"ours, {dtype}"] = partial(started, OURS, file, str(subject.torch), "torch", dtype)
    if pipeline is not None:
        calls["token, float32"] = partial(started, _PIPELINE, file, str(pipeline), str(STRIDE), "float32")
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    alternate({name: partial(_note, call, said[name]) for name, call in calls.items()}, repeats=runs)
    imports = said.pop("import")
    return {
        "model": subject.digest,
        "runs": runs,
        "import_s": median(one["import_s"] for one in imports),
        "first_answer": {
            name: {"s": median(one["seconds"] for one in found), "mib": max(one["mib"] for one in found)}
            for name, found in said.items()
        },
    }


def save_pipeline(subject: Subject, folder: Path) -> None:
    """Write a stock token pipeline on the subject's encoder, in float32, as `starts` wants it."""
    extractor = subject.load("float32")
    Peer("token", subject.encoder, extractor.tokenizer.tokenizer, extractor.ontology, dtype="float32").save(folder)


def _note(call: Callable[[], dict[str, Any]], notes: list[dict[str, Any]], _: int) -> None:
    notes.append(call())


def length(subject: Subject, texts: Sequence[str], *, sizes: Sequence[int]) -> dict[str, Any]:
    """Seconds and MiB by length of the text in bytes of UTF-8, each `sizes` in a process of its own.

    The text is `texts` over and over, a paragraph a line. It is read as a stream of paragraphs whose documents are thrown
    away ("stream_s", "stream_mib"), then as one string whose document is kept ("whole_s", "whole_mib"), by the exported
    model. "same" counts the paragraphs whose events, alone, are those that they have in the whole; "score_gap" is the
    largest difference of their scores. Raises DataError without texts.
    """
    if not any(texts):
        raise DataError("texts: expected paragraphs to join, found none")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        for size in sizes:
            lines = _lines(texts, size)
            file.write_text("\n".join(lines), encoding="utf-8", newline="\n")
            row: Mapping[str, Any] = started(_LENGTH, str(file), str(subject.int8))
            found.append({"bytes": file.stat().st_size, **row})
    return {"model": subject.digest, "sizes": found}


def _lines(texts: Sequence[str], size: int) -> list[str]:
    """The texts over and over until their lines have `size` bytes."""
    lines: list[str] = []
    held = 0
    while held < size:
        lines.append(texts[len(lines) % len(texts)])
        held += len(lines[-1].encode()) + 1
    return lines
