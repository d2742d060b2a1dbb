"""What a model has to beat.

    coder.py    LexiconCoder: trigger stems with their majority type, built on the next three
    reading.py  a text as its normalised words, and their stems
    phrases.py  noun phrases around a trigger, and the role that such a phrase most often has
    cues.py     words before a trigger that say it is planned, demanded, denied
    stock.py    the stock token and sequence classifiers of transformers, fine-tuned on any encoder

Nothing here is used by the extractor itself; torch and transformers are imported only when `stock` trains.
"""

from __future__ import annotations

from ahdath.baselines.coder import LexiconCoder
from ahdath.baselines.stock import Encoded, StockOptions, stock_sentence_baseline, stock_token_baseline

__all__ = ["Encoded", "LexiconCoder", "StockOptions", "stock_sentence_baseline", "stock_token_baseline"]
