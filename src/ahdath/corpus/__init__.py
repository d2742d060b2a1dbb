"""Annotated text in files: JSONL and Arrow in and out, compiling hand-written annotation, checks, statistics.

    rows.py        JSONL <-> Document; the fixed keys of a row
    arrow.py       Document <-> datasets.Dataset
    compiling.py   hand-written batches -> rows with offsets, divided by SPLIT.json
    checking.py    what is wrong in a file; n-grams of words that two files share
    figures.py     statistics, as a dict and as the tables of the data card

A corpus row always has the keys `id`, `text`, `events`, `sentences`, `meta`, and `meta` always `batch` (the
file it was written in) and `start` (its offset in a longer text, or null), so `datasets.load_dataset` reads
any file of rows with `features()`. What is wrong in a file is collected and told at once, by line. Nothing
here knows of models, and `datasets` is imported only where it is used.
"""

from __future__ import annotations

from ahdath.corpus.arrow import features, from_dataset, to_dataset
from ahdath.corpus.checking import check, shared_ngrams
from ahdath.corpus.compiling import compile_corpus, compile_record, with_sentences
from ahdath.corpus.figures import statistics, statistics_markdown
from ahdath.corpus.rows import read_jsonl, write_jsonl

__all__ = [
    "check",
    "compile_corpus",
    "compile_record",
    "features",
    "from_dataset",
    "read_jsonl",
    "shared_ngrams",
    "statistics",
    "statistics_markdown",
    "to_dataset",
    "with_sentences",
    "write_jsonl",
]
