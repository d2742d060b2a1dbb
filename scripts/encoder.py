"""Take the encoder out of a model, to train from: `python scripts/encoder.py runs/start`, or of another, `… runs/start MODEL`."""

from __future__ import annotations

import sys

from ahdath.proof.run import EMBEDDED
from ahdath.shipping import extract_encoder

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python scripts/encoder.py FOLDER [MODEL]")
    extract_encoder(sys.argv[2] if len(sys.argv) == 3 else EMBEDDED, sys.argv[1])
    print(f"{sys.argv[1]}: encoder, tokenizer, stem lexicon and vectors")
