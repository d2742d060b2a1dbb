"""How long it takes and how much memory: a loaded model, fresh processes, fine-tuning.

Times are wall-clock seconds on whatever runs this; `environment` says what that was. Fresh processes are started
with this Python and find the package as this process does.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ahdath.errors import DataError
from ahdath.schema import Document
from ahdath.text import words

if TYPE_CHECKING:
    from ahdath.training import TrainConfig

__all__ = ["cold_start", "environment", "fine_tuning", "latency", "run_fresh"]


class Reader(Protocol):
    """What `latency` asks of a system."""

    def classify(self, text: str, /) -> Document:
        """The events of a text."""

    def classify_many(self, texts: Iterable[str], /) -> Iterator[Document]:
        """One Document a text, in order."""


def latency(
    reader: Reader, texts: Sequence[str], *, length: int = 60, runs: int = 100, warm_up: int = 10,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:  # fmt: skip
    """Time single paragraphs of about `length` words, one after the other, and all of `texts` in batches.

    The twenty texts nearest to that length are read in turn, `warm_up` times before the clock starts and `runs`
    times after. Gives milliseconds (median, p95) a paragraph, and paragraphs and words a second in batches, the
    median of three passes. Raises DataError without texts.
    """
    if not texts:
        raise DataError("texts: expected paragraphs to time, found none")
    sizes = {text: len(words(text)) for text in texts}
    chosen = sorted(sizes, key=lambda text: abs(sizes[text] - length))[:20]
    taken = []
    for number in range(warm_up + runs):
        start = clock()
        reader.classify(chosen[number % len(chosen)])
        taken.append(1000 * (clock() - start))
    passes = []
    for _ in range(3):
        start = clock()
        for _document in reader.classify_many(texts):
            pass
        passes.append(clock() - start)
    whole = median(passes)
    return {
        "words": {"shortest": min(sizes[t] for t in chosen), "longest": max(sizes[t] for t in chosen)},
        "runs": runs,
        "median_ms": float(np.median(taken[warm_up:])),
        "p95_ms": float(np.percentile(taken[warm_up:], 95)),
        "paragraphs": len(texts),
        "paragraphs_per_s": len(texts) / whole,
        "words_per_s": sum(len(words(text)) for text in texts) / whole,
    }


_IMPORT = """
import json, sys, time
start = time.perf_counter()
import ahdath
taken = time.perf_counter() - start
print(json.dumps({"import_s": taken, "heavy": sorted({"torch", "transformers", "numpy"} & set(sys.modules))}))
"""

# The high-water mark of /proc is of this program alone; that of getrusage outlives exec on Linux and may be the parent's.
_ANSWER = """
import json, resource, sys
from pathlib import Path
import ahdath
text = Path(sys.argv[1]).read_text(encoding="utf-8")
extractor = ahdath.EventExtractor.from_pretrained(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
events = len(extractor.classify(text).events)
status = Path("/proc/self/status")
if status.exists():
    kib = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
else:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
print(json.dumps({"events": events, "mib": kib / 1024}))
"""


def cold_start(text_file: str | Path, *, model: str | Path | None = None, runs: int = 5) -> dict[str, Any]:
    """Fresh processes: how long `import ahdath` takes and what heavy it loads; the first answer, and its memory.

    `first_answer_s` runs from the start of the process to its end, with the text of `text_file` read and
    classified; `peak_mib` is the most memory it held. Medians of `runs` processes, the highest for memory. A
    process before them warms the file cache. Raises DataError when a process fails.
    """
    arguments = [str(text_file), *([] if model is None else [str(model)])]
    run_fresh(_ANSWER, *arguments)
    imports = [run_fresh(_IMPORT)[1] for _ in range(runs)]
    answers = [run_fresh(_ANSWER, *arguments) for _ in range(runs)]
    return {
        "runs": runs,
        "import_s": median(one["import_s"] for one in imports),
        "heavy": sorted({name for one in imports for name in one["heavy"]}),
        "first_answer_s": median(seconds for seconds, _ in answers),
        "peak_mib": max(said["mib"] for _, said in answers),
        "events": answers[0][1]["events"],
    }


def run_fresh(program: str, *arguments: str) -> tuple[float, dict[str, Any]]:
    """Run a program in a new process; its wall-clock seconds and the JSON that it prints last."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        raise DataError(f"a fresh process failed: {done.stderr.strip()[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return taken, said


def fine_tuning(settings: TrainConfig, *, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Time runs of one and of two epochs, evaluation on dev included, in a folder that is thrown away.

    Their difference is `epoch_s`, what the first takes beside it `once_s` (loading, calibration). `minutes_per_1000` is
    that of a whole run of `settings.epochs` epochs, by 1,000 paragraphs of training data.
    """
    from ahdath.corpus import read_jsonl
    from ahdath.training import train

    paragraphs, taken = len(read_jsonl(settings.train)), []
    for epochs in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            start = clock()
            train(replace(settings, epochs=epochs, evaluate_from=1, output=str(Path(folder) / "run")))
            taken.append(clock() - start)
    epoch = taken[1] - taken[0]
    once = max(taken[0] - epoch, 0.0)
    return {
        "paragraphs": paragraphs,
        "epochs": settings.epochs,
        "epoch_s": epoch,
        "once_s": once,
        "minutes_per_1000": (once + settings.epochs * epoch) / 60 * 1000 / paragraphs,
    }


def environment() -> dict[str, Any]:
    """Processor, cores, threads and versions: what times depend on."""
    names = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("torch", "transformers")},
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
