"""From a folder of text to a small encoder: stem lexicon, tokenizer, skip-gram vectors, masked-language model.

Needs torch, transformers and numpy, and gensim for the skip-gram stage alone. The stages write into one output folder and are skipped where their
files are there, so a killed run goes on where it was. The encoder is a plain BERT that `AutoModel` loads: one
position a word (its stem; rare stems fall into WordPieces), the word's clitics and inflection as its token
type. It starts from skip-gram vectors and learns to predict masked stems and their affixes. This module knows
nothing of events.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, DataError
from .lexicon import AFFIXES, StemLexicon, normalized_words, read_lines, train_vectors
from .text import PREFIXES, SUFFIXES

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import BertModel, PreTrainedTokenizerFast

_say = partial(print, flush=True)

__all__ = ["PretrainConfig", "build_tokenizer", "pretrain"]


@dataclass(frozen=True)
class PretrainConfig:
    """Settings of `ahdath pretrain`; every key of configs/pretrain.yaml is one of these.

    text: folder of .txt / .txt.xz; output: folder for the encoder; minutes: budget of the masked-language stage.
    """

    text: str
    output: str
    minutes: float = 30.0
    last_phase: str | None = None
    last_phase_share: float = 0.2
    stems: int = 40_000
    vocabulary: int = 24_000
    vector_size: int = 192
    vector_epochs: int = 5
    vector_workers: int = 1
    hidden_size: int = 256
    layers: int = 4
    heads: int = 4
    intermediate_size: int = 1024
    max_length: int = 256
    sequence_lengths: list[int] = field(default_factory=lambda: [32, 128, 256])
    sequence_shares: list[float] = field(default_factory=lambda: [0.6, 0.3, 0.1])
    batch_positions: int = 8192
    learning_rate: float = 1e-3
    optimizer: str = "muon"
    mask_share: float = 0.2
    warmup_share: float = 0.05
    compile: bool = True
    seed: int = 0
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.optimizer not in ("adamw", "muon"):
            raise ConfigError(f"optimizer {self.optimizer!r}: expected 'adamw' or 'muon'")
        if len(self.sequence_lengths) != len(self.sequence_shares) or abs(sum(self.sequence_shares) - 1) > 1e-6:
            raise ConfigError("sequence_shares: expected one share for each of sequence_lengths, together 1")
        if not all(8 <= length <= self.max_length for length in self.sequence_lengths):
            raise ConfigError(
                f"sequence_lengths {self.sequence_lengths}: expected 8 to max_length {self.max_length}, or positions beyond "
                "the encoder's limit would be asked for"
            )
        if self.batch_positions < max(self.sequence_lengths):
            raise ConfigError(f"batch_positions {self.batch_positions}: expected room for one of {self.sequence_lengths}")
        for name in ("mask_share", "warmup_share"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: expected more than 0 and less than 1")
        for name in ("minutes", "layers", "heads", "batch_positions", "stems", "vocabulary", "vector_size"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} {getattr(self, name)}: expected more than 0")
        if self.hidden_size % self.heads:
            raise ConfigError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        if self.vector_size > self.hidden_size:
            raise ConfigError(
                f"vector_size {self.vector_size} is above hidden_size {self.hidden_size}: lower it, since the encoder's "
                "embeddings start from the vectors"
            )


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


@dataclass(frozen=True)
class Stream:
    """A text as one line of positions. All Shape: (positions,); `word` numbers words, so pieces are masked together."""

    ids: NDArray[np.int32]
    types: NDArray[np.int16]
    word: NDArray[np.int32]


def prepare(config: PretrainConfig) -> None:
    """Stem lexicon, tokenizer, positions and skip-gram vectors, each written once into the output folder."""
    import numpy as np

    out = Path(config.output)
    out.mkdir(parents=True, exist_ok=True)
    if (out / "vectors.npy").exists():
        return
    lines = [normalized_words(line) for line in read_lines(config.text)]
    counts = Counter(word for line in lines for word in line)
    if len(counts) < 100:
        raise DataError(f"{config.text}: expected running text, found {len(counts)} different words; check the folder")
    rare = 3 if len(counts) > 50_000 else 1
    lexicon = StemLexicon.train({w: c for w, c in counts.items() if c >= rare}, size=config.stems)
    lexicon.save(out / "lexicon.json")
    stems: Counter[str] = Counter()
    for word, count in counts.items():
        stems[lexicon.segment(word).stem] += count
    tokenizer = build_tokenizer(stems, config.vocabulary, config.max_length)
    tokenizer.save_pretrained(out)
    _save_stream(out / "stream.npz", lines, lexicon, tokenizer)
    if config.last_phase:
        last = [normalized_words(line) for line in read_lines(config.last_phase)]
        _save_stream(out / "last.npz", last, lexicon, tokenizer)
    cut_lines = [[lexicon.segment(word).stem for word in line] for line in lines]
    vectors = train_vectors(
        cut_lines, lexicon.stems, size=config.vector_size, epochs=config.vector_epochs, seed=config.seed,
        workers=config.vector_workers,
    )  # fmt: skip
    np.save(out / "vectors.partial.npy", vectors)
    os.replace(out / "vectors.partial.npy", out / "vectors.npy")


def _save_stream(
    path: Path, lines: list[list[str]], lexicon: StemLexicon, tokenizer: PreTrainedTokenizerFast
) -> None:
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


def initial_embeddings(
    tokenizer: PreTrainedTokenizerFast, lexicon: StemLexicon, vectors: NDArray[np.float32], size: int, seed: int
) -> torch.Tensor:
    """Embeddings of the vocabulary: a stem's skip-gram vector, rotated into `size` dimensions; noise for pieces.

    Shape: (vocabulary, size); standard deviation about that of BERT's own initialisation times two.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(len(tokenizer), size, generator=generator) * 0.02
    rotation = torch.linalg.qr(torch.randn(size, size, generator=generator))[0][: vectors.shape[1]]
    learned = torch.from_numpy(vectors) @ rotation
    for piece, index in tokenizer.get_vocab().items():
        row = lexicon.rows.get(piece)
        if row is not None:
            table[index] = learned[row] * 0.04
    return table


def sinusoids(length: int, size: int) -> torch.Tensor:
    """Start of the position embeddings: with them "two words before" is a direction from the first step on, and
    the long plateau of masked-language modelling (every word from the average of all) is short. Shape: (length, size).
    """
    import torch

    angles = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, size, 2) / size)
    return torch.cat([angles.sin(), angles.cos()], -1) * 0.03


class MaskedLanguageModel:
    """The encoder with its prediction heads, as one torch module (made in `build` to keep torch out of import)."""

    @staticmethod
    def build(encoder: BertModel) -> torch.nn.Module:
        import torch
        from torch.nn import functional as F

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                size = encoder.config.hidden_size
                self.encoder = encoder
                self.transform = torch.nn.Sequential(torch.nn.Linear(size, size), torch.nn.GELU(), torch.nn.LayerNorm(size))
                self.bias = torch.nn.Parameter(torch.zeros(encoder.config.vocab_size))
                self.affixes = torch.nn.Linear(size, len(PREFIXES) + len(SUFFIXES))

            def forward(
                self, ids: torch.Tensor, types: torch.Tensor, places: torch.Tensor, targets: torch.Tensor, affix: torch.Tensor
            ) -> tuple[torch.Tensor, torch.Tensor]:
                """Loss of masked stems and of masked affixes. Shape of ids: (batch, length); places: (masked,) flat."""
                hidden = self.encoder(input_ids=ids, token_type_ids=types).last_hidden_state
                picked = self.transform(hidden.flatten(0, 1)[places])
                table = self.encoder.embeddings.word_embeddings.weight
                loss = F.cross_entropy((F.linear(picked, table) + self.bias).float(), targets)
                prefix, suffix = self.affixes(picked).float().split([len(PREFIXES), len(SUFFIXES)], dim=-1)
                both = F.cross_entropy(prefix, affix // len(SUFFIXES)) + F.cross_entropy(suffix, affix % len(SUFFIXES))
                return loss, both

        return Module()


def mask_batch(
    ids: NDArray[np.int32], types: NDArray[np.int16], word: NDArray[np.int32], config: PretrainConfig,
    mask_id: int, vocabulary: int, rng: np.random.Generator,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Whole-word masking: 80 % mask, 10 % random, 10 % unchanged; a masked word's affixes are hidden with it.

    Inputs Shape: (batch, length); the number of masked positions is the same in every batch (one compiled shape).
    """
    import numpy as np
    import torch

    flat_ids, flat_types, flat_word = ids.reshape(-1).copy(), types.reshape(-1).copy(), word.reshape(-1)
    wanted = int(len(flat_ids) * config.mask_share)
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


def pretrain(config: PretrainConfig, report: Callable[[str], None] = _say) -> Path:
    """Run all stages; return the folder of the encoder (config, safetensors, tokenizer, lexicon, vectors).

    `report` is given a line on the progress every 50 steps.

    Resumes from `checkpoint/` after a kill: same order of text, same masks, same schedule (progress is counted
    in minutes of training, so a resumed run keeps its budget).
    """
    import numpy as np
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    prepare(config)
    out = Path(config.output)
    torch.manual_seed(config.seed)
    tokenizer = AutoTokenizer.from_pretrained(out)
    lexicon = StemLexicon.load(out / "lexicon.json")
    shape = BertConfig(
        vocab_size=len(tokenizer), hidden_size=config.hidden_size, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_length, type_vocab_size=len(AFFIXES), pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    encoder = BertModel(shape, add_pooling_layer=False)
    with torch.no_grad():
        table = initial_embeddings(tokenizer, lexicon, np.load(out / "vectors.npy"), config.hidden_size, config.seed)
        encoder.embeddings.word_embeddings.weight.copy_(table)
        encoder.embeddings.position_embeddings.weight.copy_(sinusoids(config.max_length, config.hidden_size))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = MaskedLanguageModel.build(encoder).to(device)
    _train(config, model, tokenizer, out, device, report)
    encoder.config.hidden_dropout_prob = encoder.config.attention_probs_dropout_prob = 0.1
    encoder.save_pretrained(out)
    return out


def _optimizers(model: torch.nn.Module, config: PretrainConfig) -> list[torch.optim.Optimizer]:
    import torch

    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "encoder.encoder" in n]
    chosen = {id(p) for p in matrices} if config.optimizer == "muon" else set()
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    ]
    if chosen:
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError("optimizer 'muon' needs torch.optim.Muon (torch 2.9 or later); set optimizer: adamw")
        optimizers.append(torch.optim.Muon(matrices, lr=0.02, weight_decay=0.01, adjust_lr_fn=None))
    return optimizers


def _train(
    config: PretrainConfig, model: Any, tokenizer: Any, out: Path, device: str, report: Callable[[str], None]
) -> None:
    import numpy as np
    import torch

    main = Stream(**np.load(out / "stream.npz"))
    last = Stream(**np.load(out / "last.npz")) if config.last_phase else main
    optimizers = _optimizers(model, config)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    step, minutes = _load_checkpoint(out, model, optimizers)
    forward = torch.compile(model, dynamic=False) if config.compile else model
    began, since, positions, losses = time.monotonic(), time.monotonic(), 0, []
    base, log_every = minutes, 50
    while minutes < config.minutes:
        share = minutes / config.minutes
        stream = last if share > 1 - config.last_phase_share else main
        length = sequence_length(config, share)
        ids, types, word = _sequences(stream, step, config, length, tokenizer)
        rng = np.random.default_rng((config.seed, step))
        batch = mask_batch(ids, types, word, config, tokenizer.mask_token_id, len(tokenizer), rng)
        scale = min(1.0, share / config.warmup_share) * min(1.0, (1 - share) / 0.7)
        for optimizer, initial in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, initial, strict=True):
                group["lr"] = rate * max(scale, 1e-3)
        with torch.autocast(device, dtype=torch.bfloat16):
            loss, affix = forward(**{name: value.to(device) for name, value in batch.items()})
        (loss + 0.5 * affix).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        positions += ids.size
        losses.append((loss.item(), affix.item()))
        minutes = base + (time.monotonic() - began) / 60
        if step % log_every == 0:
            speed = positions / (time.monotonic() - began)
            mean, mean_affix = np.mean(losses[-log_every:], axis=0)
            report(f"step {step}  {minutes:.1f}/{config.minutes:.0f} min  loss {mean:.3f}  affixes {mean_affix:.3f}  "
                   f"{speed:,.0f} positions/s")  # fmt: skip
        if (time.monotonic() - since) / 60 > config.checkpoint_minutes:
            since = time.monotonic()
            _save_checkpoint(out, model, optimizers, step, minutes)
    _save_checkpoint(out, model, optimizers, step, minutes)


def sequence_length(config: PretrainConfig, share: float) -> int:
    """Short sequences first: neighbours teach the most, and attention finds them sooner among few positions."""
    reached = 0.0
    for length, part in zip(config.sequence_lengths, config.sequence_shares, strict=True):
        reached += part
        if share < reached:
            return length
    return config.sequence_lengths[-1]


def _sequences(stream: Stream, step: int, config: PretrainConfig, length: int, tokenizer: Any) -> tuple[Any, Any, Any]:
    """The packed sequences of a step: text is read once through in a shuffled order, then again in another."""
    import numpy as np

    body, size = length - 1, config.batch_positions // length
    count = len(stream.ids) // body
    if not count:
        raise DataError(f"text: expected at least {body} pieces for one sequence, found {len(stream.ids)}; give more text")
    epoch, place = divmod(step * size, count)
    order = np.random.default_rng((config.seed, epoch)).permutation(count)
    chosen = order[(place + np.arange(size)) % count]
    grid = chosen[:, None] * body + np.arange(body)[None]
    front = np.ones((size, 1), np.int32)
    ids = np.concatenate([front * tokenizer.cls_token_id, stream.ids[grid]], 1)
    types = np.concatenate([front.astype(np.int16) * 0, stream.types[grid]], 1)
    # Words are renumbered inside the batch, so that masking can draw one number a word.
    word = np.concatenate([front * -1, stream.word[grid]], 1)
    flat = word.reshape(-1)
    known = flat >= 0
    changes = np.concatenate([[0], np.cumsum(flat[1:] != flat[:-1])])
    flat = np.where(known, changes, -1).astype(np.int32)
    return ids, types, flat.reshape(word.shape)


def _save_checkpoint(out: Path, model: Any, optimizers: list[Any], step: int, minutes: float) -> None:
    """Write a checkpoint beside the last one, then swap: a kill at any moment leaves one that is whole."""
    import torch
    from safetensors.torch import save_model

    fresh, old = out / "checkpoint.new", out / "checkpoint"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    save_model(model, str(fresh / "model.safetensors"))
    torch.save([optimizer.state_dict() for optimizer in optimizers], fresh / "optimizer.pt")
    (fresh / "state.json").write_text(json.dumps({"step": step, "minutes": minutes}))
    previous = out / "checkpoint.old"
    if old.exists():  # where a kill left only the previous one, it stays until the new one stands
        shutil.rmtree(previous, ignore_errors=True)
        old.rename(previous)
    fresh.rename(old)
    shutil.rmtree(previous, ignore_errors=True)


def _load_checkpoint(out: Path, model: Any, optimizers: list[Any]) -> tuple[int, float]:
    import torch
    from safetensors.torch import load_model

    for folder in (out / "checkpoint", out / "checkpoint.old"):
        if (folder / "state.json").exists():
            state = json.loads((folder / "state.json").read_text())
            load_model(model, str(folder / "model.safetensors"))
            for optimizer, saved in zip(optimizers, torch.load(folder / "optimizer.pt", weights_only=True), strict=True):
                optimizer.load_state_dict(saved)
            return int(state["step"]), float(state["minutes"])
    return 0, 0.0


def describe(config: PretrainConfig) -> str:
    """The settings of a run in one line of JSON, for its log."""
    return json.dumps(asdict(config) | {"ln_vocabulary": round(math.log(config.vocabulary), 2)}, ensure_ascii=False)
