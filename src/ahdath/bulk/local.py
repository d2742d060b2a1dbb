"""The engine for one machine: worker processes, each with a model and one thread.

Processes scale better than threads here: much of a paragraph's time is Python. They are started by command and not by
`multiprocessing`, so a script needs no `if __name__ == "__main__"`, and each gets its environment before it loads anything.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ahdath.bulk.plan import Shard
from ahdath.bulk.worker import ONE_THREAD, Task, raised
from ahdath.errors import ModelError

__all__ = ["cores", "run_local"]

Told = dict[str, Any]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(task: Task, shards: Iterable[Shard], *, workers: int) -> Iterator[Told]:
    """Label the shards in processes of this machine; what `Worker.label` gives, in the order they finish.

    Raises what a worker refuses; ModelError when one dies. All are ended when the iterator is.
    """
    waiting = iter(shards)
    hand_out = threading.Lock()
    answers: queue.SimpleQueue[Told | Exception | None] = queue.SimpleQueue()
    processes = [_start() for _ in range(workers)]

    def drive(process: subprocess.Popen[str]) -> None:
        """One worker from start to end; None in the queue says that it has ended well."""
        line, about = task.to_json(), "it loaded the model"
        try:
            while True:
                told = _ask(process, line, about)
                error = raised(told)
                if error is not None:
                    raise error
                if told:
                    answers.put(told)
                with hand_out:
                    shard = next(waiting, None)
                if shard is None:
                    break
                line, about = json.dumps(shard), f"it read shard {shard.number}"
            answers.put(None)
        except Exception as error:  # raised again where the answers are awaited
            answers.put(error)

    threads = [threading.Thread(target=drive, args=(process,), daemon=True) for process in processes]
    try:
        for thread in threads:
            thread.start()
        left = workers
        while left:
            told = answers.get()
            if isinstance(told, Exception):
                raise told
            if told is None:
                left -= 1
            else:
                yield told
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for thread in threads:
            thread.join()
        for process in processes:
            _close(process)


def _start() -> subprocess.Popen[str]:
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": path, "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", "from ahdath.bulk.worker import main; main()"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=environment,
        start_new_session=True,  # Ctrl-C is for us; they end when we do
    )  # fmt: skip


def _ask(process: subprocess.Popen[str], line: str, about: str) -> Told:
    """One line in, one answer out. Raises ModelError when the process has died."""
    answer = ""
    if process.stdin is not None and process.stdout is not None:
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except (OSError, ValueError):  # a broken pipe: told below
            answer = ""
    if not answer.endswith("\n"):
        code = process.wait()
        found = f"signal {-code}, often for want of memory" if code < 0 else f"exit code {code}"
        raise ModelError(
            f"a worker ended with {found} while {about}: expected an answer; what is finished is kept: run the same "
            "command again, with fewer --workers if memory is short"
        )
    told: Told = json.loads(answer)
    return told


def _close(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # an unsent line to a dead process
                continue
