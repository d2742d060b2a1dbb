"""Labelling in bulk: files of any number and size, datasets, clusters.

    settings.py   what a job is asked
    inputs.py     files, folders, stdin -> sources with fingerprints
    reading.py    sources -> rows, from any place on   (delimited.py: CSV; parquet.py)
    plan.py       which rows belong to which output file
    version.py    which model it is
    shards.py     documents -> Parquet, whole or not there; the layout of the results
    worker.py     rows -> files of a shard; what every engine runs
    local.py      the engine for one machine: processes
    ray.py        the engine for many: Ray Data
    job.py        a job from beginning to end, and after a break
    datasets.py   `datasets.Dataset` with columns of events

Importing this loads neither torch nor pyarrow, ray or datasets.
"""

from __future__ import annotations

from ahdath.bulk.datasets import event_features, map_dataset
from ahdath.bulk.job import Progress, Summary, label
from ahdath.bulk.settings import LabelSettings
from ahdath.bulk.shards import read_documents

__all__ = ["LabelSettings", "Progress", "Summary", "event_features", "label", "map_dataset", "read_documents"]
