"""What the project claims of itself, measured: every function runs a system and gives a plain dict.

    founding.py    the founding article: scores, and a pass/fail list of events that a reader would miss
    spelling.py    spellings that normalisation undoes, typos that it does not
    speed.py       latency and throughput; import, first answer and memory of fresh processes; fine-tuning
    systems.py     seeds of a model, the shipped one and the baselines on one data file
    run.py         these four, section by section; candidates.py: which run ships; numbers.py: the JSON beside a page;
                   windows.py: how long texts are cut
    speedrun.py    all of speed in one run, ours beside others' (throughput, peers, roofline, subjects, fresh, speed_page;
                   scripts/speed.py, docs/speed.md)
    capacity.py    what labelling in bulk costs (scripts/capacity.py, docs/capacity.md)
    ner.py         encoders on ANERcorp; tagger.py: the classifier; encoders.py: encoders on seeds (docs/encoder.md)
    suggesting.py  what few annotated paragraphs are worth (scripts/suggest.py, docs/suggest.md)
    curve.py       F1 by paragraphs learned from; batches.py: every batch held out; slices.py: by kind of paragraph;
                   confusions.py: what is taken for what (corpus_page.py, scripts/corpus.py, docs/corpus.md)
    wording.py     the same event in the words of several outlets (scripts/wording.py, docs/wording.md)
    leaderboard.py answers of any system -> docs/leaderboard.json and its table (scripts/leaderboard.py)
    blocks.py      the code of a page, run; site.py: what the site tells of commands, types, files (scripts/docs.py)
    pages.py       those dicts -> docs/benchmarks.md, the numbers in README.md, the model card

`scripts/benchmark.py` runs the first four, the others have scripts of their own. Nothing here is imported by the extractor; torch and transformers are imported
only by what trains or loads a model.
"""

from __future__ import annotations

from ahdath.proof.founding import Check, article, read_checks
from ahdath.proof.speed import cold_start, environment, fine_tuning, latency
from ahdath.proof.spelling import robustness
from ahdath.proof.systems import quality

__all__ = [
    "Check",
    "article",
    "cold_start",
    "environment",
    "fine_tuning",
    "latency",
    "quality",
    "read_checks",
    "robustness",
]
