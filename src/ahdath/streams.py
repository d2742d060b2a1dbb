"""Text as lines of token positions, and the masked batches that are cut from them.

One position a word: its stem, or the WordPieces of a rare stem; its clitics and inflection are the token type. This
module knows no network.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DataError
from .lexicon import AFFIXES, StemLexicon

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

__all__ = [
    "Stream", "build_tokenizer", "candidate_chance", "mask_batch", "own_share", "save_stream", "sequences", "tokenizer_stats",
    "with_candidates",
]  # fmt: skip


def build_tokenizer(counts: Counter[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer whose vocabulary is the most frequent stems and pieces for all others.

    Saved as `PreTrainedTokenizerFast`: a `BertTokenizer` of transformers 5 would rebuild itself from the
    vocabulary and forget the normalizer.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    from . import text

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    ranked = [stem for stem, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    whole = int(size * 0.84)
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    trained.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size - whole, special_tokens=specials, limit_alphabet=400, show_progress=False
    )
    trained.train_from_iterator(ranked[whole : whole + 200_000], trainer)
    known = trained.get_vocab()
    pieces = sorted(known, key=known.__getitem__)
    order = list(dict.fromkeys([*specials, *pieces, *ranked]))[:size]
    tokenizer = Tokenizer(
        models.WordPiece({piece: index for index, piece in enumerate(order)}, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    letters = {chr(code): target for code, target in text._LETTERS.items() if isinstance(target, str)}  # noqa: SLF001
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(text._DROP.pattern), ""),  # noqa: SLF001
            *(normalizers.Replace(source, target) for source, target in letters.items()),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = None
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def tokenizer_stats(stream: Stream, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """What the tokenizer makes of running text, each word counted as often as it stands there.

    "vocabulary" (entries) and "words" (of the text); "pieces_per_word" (1 where every stem is whole), "whole_stems" (share
    of words whose stem is one piece) and "unknown" (share of words with a piece that is unknown). With قصف whole and
    كتيبه as كتي ##به, the text «قصفت كتيبة» has 1.5 pieces a word and half of its stems whole. Raises DataError for a
    text without words.
    """
    import numpy as np

    known = stream.word >= 0
    if not known.any():
        raise DataError("text: expected words to count pieces of, found none; check the folder of text")
    numbers = stream.word[known] - stream.word[known].min()
    pieces = np.bincount(numbers)
    unknown = np.zeros(len(pieces), bool)
    unknown[numbers[stream.ids[known] == tokenizer.unk_token_id]] = True
    words = int((pieces > 0).sum())
    return {
        "vocabulary": len(tokenizer), "words": words, "pieces_per_word": round(len(numbers) / words, 4),
        "whole_stems": round(int(((pieces == 1) & ~unknown).sum()) / words, 4), "unknown": round(int(unknown.sum()) / words, 6),
    }  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """A text as one line of positions. All Shape: (positions,); `word` numbers words, so pieces are masked together."""

    ids: NDArray[np.int32]
    types: NDArray[np.int16]
    word: NDArray[np.int32]


def save_stream(
    path: Path, lines: list[list[str]], lexicon: StemLexicon, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Write a text as the line of positions that the encoder reads: stems and their affixes, [SEP] between lines."""
    import numpy as np

    cache: dict[str, tuple[list[int], int]] = {}
    forms = sorted({word for line in lines for word in line})
    cuts = [lexicon.segment(word) for word in forms]
    encoded: Any = tokenizer([cut.stem for cut in cuts], add_special_tokens=False, verbose=False)
    for word, cut, ids in zip(forms, cuts, encoded["input_ids"], strict=True):
        cache[word] = (ids[:16] or [tokenizer.unk_token_id], AFFIXES[cut.prefix, cut.suffix])
    ids, types, word_of = [], [], []
    number = 0
    for line in lines:
        for word in line:
            pieces, affix = cache[word]
            ids.extend(pieces)
            types.extend([affix] + [0] * (len(pieces) - 1))
            word_of.extend([number] * len(pieces))
            number += 1
        ids.append(tokenizer.sep_token_id)
        types.append(0)
        word_of.append(-1)
    np.savez(path, ids=np.array(ids, np.int32), types=np.array(types, np.int16), word=np.array(word_of, np.int32))


def sequences(
    stream: Stream, step: int, *, length: int, positions: int, cls_id: int, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.int32]]:
    """The packed sequences of a step: text is read once through in a shuffled order, then again in another.

    Ids, affixes and word numbers, `positions // length` sequences of them; Shape: (size, length) each.
    """
    import numpy as np

    body, size = length - 1, positions // length
    count = len(stream.ids) // body
    if not count:
        raise DataError(f"text: expected at least {body} pieces for one sequence, found {len(stream.ids)}; give more text")
    epoch, place = divmod(step * size, count)
    chosen = _order(seed, epoch, count)[(place + np.arange(size)) % count]
    grid = chosen[:, None] * body + np.arange(body)[None]
    front = np.ones((size, 1), np.int32)
    ids = np.concatenate([front * cls_id, stream.ids[grid]], 1)
    types = np.concatenate([front.astype(np.int16) * 0, stream.types[grid]], 1)
    # Words are renumbered inside the batch, so that masking can draw one number a word.
    word = np.concatenate([front * -1, stream.word[grid]], 1)
    flat = word.reshape(-1)
    known = flat >= 0
    changes = np.concatenate([[0], np.cumsum(flat[1:] != flat[:-1])])
    flat = np.where(known, changes, -1).astype(np.int32)
    return ids, types, flat.reshape(word.shape)


@lru_cache(maxsize=4)  # a step needs it whole, and a draw takes longer than the rest of its batch
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order in which an epoch reads its sequences. Shape: (count,)."""
    import numpy as np

    return np.random.default_rng((seed, epoch)).permutation(count)


def mask_batch(
    ids: NDArray[np.int32], types: NDArray[np.int16], word: NDArray[np.int32], share: float,
    mask_id: int, vocabulary: int, rng: np.random.Generator,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Whole-word masking: 80 % mask, 10 % random, 10 % unchanged; a masked word's affixes are hidden with it.

    Inputs Shape: (batch, length); the number of masked positions is the same in every batch (one compiled shape).
    """
    import numpy as np
    import torch

    flat_ids, flat_types, flat_word = ids.reshape(-1).copy(), types.reshape(-1).copy(), word.reshape(-1)
    wanted = int(len(flat_ids) * share)
    draw = rng.random(int(flat_word.max()) - int(flat_word[flat_word >= 0].min()) + 2)
    key = draw[np.maximum(flat_word - flat_word[flat_word >= 0].min(), 0)]
    key[flat_word < 0] = 2.0
    places = np.sort(np.argpartition(key, wanted)[:wanted])
    targets, affix = flat_ids[places].copy(), flat_types[places].copy()
    kind = draw[::-1][np.maximum(flat_word[places] - flat_word[flat_word >= 0].min(), 0)]
    flat_ids[places[kind < 0.8]] = mask_id
    random = places[(kind >= 0.8) & (kind < 0.9)]
    flat_ids[random] = rng.integers(5, vocabulary, len(random))
    flat_types[places[kind < 0.9]] = 0
    tensors = {"ids": flat_ids.reshape(ids.shape), "types": flat_types.reshape(ids.shape), "places": places,
               "targets": targets, "affix": affix}  # fmt: skip
    return {name: torch.from_numpy(value.astype(np.int64)) for name, value in tensors.items()}


def with_candidates(
    batch: dict[str, torch.Tensor], count: int, vocabulary: int, rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    """The batch with `candidates`, the ids that its softmax runs over, and `targets` as rows of them.

    All targets are among them, the others are drawn evenly. Shape of candidates: (count,), always, so that one compiled
    graph serves every batch. A batch without more ids than that is left as it is.
    """
    import numpy as np
    import torch

    if not 0 < count < vocabulary:
        return batch
    targets = batch["targets"].numpy()
    wanted = np.zeros(vocabulary, bool)
    wanted[targets] = True
    free = count - int(wanted.sum())
    if free < 0:
        raise DataError(f"candidates {count}: expected room for the {count - free} different stems of a batch; raise it")
    wanted[rng.permutation(np.flatnonzero(~wanted))[:free]] = True
    chosen = np.flatnonzero(wanted)
    rows = torch.from_numpy(np.searchsorted(chosen, targets))
    return {**batch, "targets": rows, "candidates": torch.from_numpy(chosen)}


def own_share(batch: dict[str, torch.Tensor], number: int, processes: int) -> dict[str, torch.Tensor]:
    """What process `number` of `processes` reads of a step: some of its sequences, and the masked places in them.

    Masks and candidates are drawn for the whole step, so that the step is the same for any number of processes. A share
    has more or fewer masked places than another: they are filled up to a fixed number (one compiled shape) with targets
    of -100, which the loss leaves out. One process has the whole batch, as it is.
    """
    import torch

    if processes == 1:
        return batch
    rows, length = batch["ids"].shape
    first, end = rows * number // processes, rows * (number + 1) // processes
    own = (batch["places"] >= first * length) & (batch["places"] < end * length)
    room = math.ceil(len(own) / processes * 1.25)  # some eleven standard deviations, where a step has 8192 positions
    size = room * max(1, math.ceil(int(own.sum()) / room))

    def filled(values: torch.Tensor, filler: int) -> torch.Tensor:
        return torch.cat([values[own], values.new_full((size - int(own.sum()),), filler)])

    return {
        **batch, "ids": batch["ids"][first:end], "types": batch["types"][first:end],
        "places": filled(batch["places"] - first * length, 0), "targets": filled(batch["targets"], -100),
        "affix": filled(batch["affix"], 0),
    }  # fmt: skip


def candidate_chance(ids: NDArray[np.int32], masked: int, count: int, vocabulary: int) -> NDArray[np.float32]:
    """How probable it is that an id is among the candidates of a batch with `masked` targets. Shape: (vocabulary,)."""
    import numpy as np

    share = np.bincount(ids, minlength=vocabulary) / len(ids)
    target = 1 - (1 - share) ** masked
    drawn = max(count - target.sum(), 0.0) / (vocabulary - target.sum())
    chance: NDArray[np.float32] = np.clip(target + (1 - target) * drawn, 1e-6, 1.0).astype(np.float32)
    return chance
