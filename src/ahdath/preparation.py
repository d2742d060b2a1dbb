"""The words of pre-training, before any network: stem lexicon, tokenizer, the text as positions, skip-gram vectors.

All of it is made of the text, or taken over from the encoder that is to be trained further (`start`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError
from .lexicon import StemLexicon, normalized_words, read_lines, train_vectors
from .streams import Stream, build_tokenizer, save_stream, tokenizer_stats
from .textfiles import write_whole

if TYPE_CHECKING:
    from .pretraining import PretrainConfig

__all__ = ["prepare"]


def prepare(config: PretrainConfig, report: Callable[[str], None]) -> None:
    """Stem lexicon, tokenizer, positions and skip-gram vectors, each written once into the output folder.

    `tokenizer.stats.json` beside them says what the tokenizer makes of the text, see `streams.tokenizer_stats`; `report` is
    given it as a line.
    """
    import numpy as np
    from transformers import AutoTokenizer

    out = Path(config.output)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "vectors.npy").exists():
        _build(config, out)
    if not (out / "tokenizer.stats.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(out)
        stats = tokenizer_stats(Stream(**np.load(out / "stream.npz")), tokenizer)
        write_whole(out / "tokenizer.stats.json", json.dumps(stats, indent=1, ensure_ascii=False))
        report(f"tokenizer: {stats['vocabulary']:,} entries, {stats['pieces_per_word']:.3f} pieces a word, "
               f"{stats['whole_stems']:.1%} of words whole stems, {stats['unknown']:.2%} unknown")  # fmt: skip


def _build(config: PretrainConfig, out: Path) -> None:
    """Write what `prepare` tells of; the vectors last, since they say that all is there."""
    import numpy as np

    lines = [normalized_words(line) for line in read_lines(config.text)]
    counts = Counter(word for line in lines for word in line)
    if len(counts) < 100:
        raise DataError(f"{config.text}: expected running text, found {len(counts)} different words; check the folder")
    if config.start:
        _take_over(Path(config.start), out, lines, config)
        return
    rare = 3 if len(counts) > 50_000 else 1
    lexicon = StemLexicon.train({w: c for w, c in counts.items() if c >= rare}, size=config.stems)
    lexicon.save(out / "lexicon.json")
    stems: Counter[str] = Counter()
    for word, count in counts.items():
        stems[lexicon.segment(word).stem] += count
    tokenizer = build_tokenizer(stems, config.vocabulary, config.max_length)
    tokenizer.save_pretrained(out)
    save_stream(out / "stream.npz", lines, lexicon, tokenizer)
    if config.last_phase:
        last = [normalized_words(line) for line in read_lines(config.last_phase)]
        save_stream(out / "last.npz", last, lexicon, tokenizer)
    cut_lines = [[lexicon.segment(word).stem for word in line] for line in lines]
    vectors = train_vectors(
        cut_lines, lexicon.stems, size=config.vector_size, epochs=config.vector_epochs, seed=config.seed,
        workers=config.vector_workers,
    )  # fmt: skip
    np.save(out / "vectors.partial.npy", vectors)
    os.replace(out / "vectors.partial.npy", out / "vectors.npy")


def _take_over(start: Path, out: Path, lines: list[list[str]], config: PretrainConfig) -> None:
    """What `_build` writes, with tokenizer, lexicon and vectors of the encoder to go on from; the vectors last."""
    from transformers import AutoTokenizer

    needed = ("tokenizer.json", "tokenizer_config.json", "lexicon.json", "model.safetensors", "vectors.npy")
    absent = [name for name in needed if not (start / name).exists()]
    if absent:
        raise DataError(f"{start}: expected an encoder that `ahdath pretrain` finished, found no {', '.join(absent)}; check start")
    for name in needed[:3]:
        shutil.copyfile(start / name, out / name)
    lexicon, tokenizer = StemLexicon.load(out / "lexicon.json"), AutoTokenizer.from_pretrained(out)
    save_stream(out / "stream.npz", lines, lexicon, tokenizer)
    if config.last_phase:
        save_stream(out / "last.npz", [normalized_words(line) for line in read_lines(config.last_phase)], lexicon, tokenizer)
    shutil.copyfile(start / "vectors.npy", out / "vectors.partial.npy")
    os.replace(out / "vectors.partial.npy", out / "vectors.npy")
