"""The engine for many machines: shards as a Ray dataset, mapped over a pool of actors that hold the model.

What travels is only where shards begin; every actor reads its rows and writes its files itself, so inputs and output must
lie on a file system that all machines see under the same path. The files are those of the local engine, byte for byte.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ahdath.bulk.local import cores
from ahdath.bulk.plan import Shard
from ahdath.bulk.reading import Place
from ahdath.bulk.worker import ONE_THREAD, Task, Worker, failure, raised
from ahdath.errors import AhdathError, ConfigError, ModelError

__all__ = ["ShardLabeller", "run_ray"]

_BLOCKS = 10_000  # tasks that Ray keeps a record of; more shards share one


class ShardLabeller:
    """The actor. It answers what the library refuses instead of raising it, which Ray would take for a crash."""

    def __init__(self, task: str) -> None:
        self._failed: dict[str, Any] = {}
        try:
            self._worker = Worker(Task.from_json(task))
        except AhdathError as error:
            self._failed = failure(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch of shards in, a manifest each out, both as JSON in a column."""
        return {"told": [json.dumps(self._label(line)) for line in batch["shard"]]}

    def _label(self, line: str) -> dict[str, Any]:
        if self._failed:
            return self._failed
        number, source, place, rows = json.loads(line)
        try:
            return self._worker.label(Shard(number, source, Place(*place), rows))
        except AhdathError as error:
            return failure(error)


def run_ray(task: Task, shards: Sequence[Shard], *, workers: int | None) -> Iterator[dict[str, Any]]:
    """Label the shards on a Ray cluster; what `Worker.label` gives, in the order they finish.

    The cluster is the one of RAY_ADDRESS, or that the caller has connected to, or else one started on this machine.
    `workers` None: one for every CPU of it. Raises ConfigError without ray, ModelError when actors die, and, once all
    others are through, what a worker refused.
    """
    try:
        import ray
        from ray.data import ActorPoolStrategy, DataContext
    except ModuleNotFoundError as error:
        raise ConfigError("--engine ray: expected the package ray, found none; pip install 'ahdath[ray]'") from error
    ours = not ray.is_initialized()
    if ours:
        local = None if os.environ.get("RAY_ADDRESS") else max(workers or 1, cores())
        ray.init(log_to_driver=False, logging_level=logging.WARNING, num_cpus=local)
    context, bars = None, True
    try:
        context = DataContext.get_current()
        bars, context.enable_progress_bars = context.enable_progress_bars, False
        size = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(shards))
        items = [{"shard": json.dumps(shard)} for shard in shards]
        dataset = ray.data.from_items(items, override_num_blocks=min(len(items), _BLOCKS)).map_batches(
            ShardLabeller,
            batch_size=1,
            compute=ActorPoolStrategy(size=size),
            fn_constructor_args=(task.to_json(),),
            num_cpus=1,
            runtime_env={"env_vars": ONE_THREAD},
        )
        refused = None
        for row in dataset.iter_rows():  # to its end: Ray's threads must be through before it is shut down
            told = json.loads(row["told"])
            refused = refused or raised(told)
            if "failed" not in told:
                yield told
        if refused is not None:
            raise refused
    except ray.exceptions.RayError as error:
        raise ModelError(f"expected the actors to go on, found: {error}; what is finished is kept: run it again") from error
    finally:
        if context is not None:
            context.enable_progress_bars = bars
        if ours:
            ray.shutdown()
