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
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, DataError
from .lexicon import AFFIXES, StemLexicon, normalized_words, read_lines, train_vectors
from .streams import Stream, build_tokenizer, candidate_chance, mask_batch, save_stream, sequences, with_candidates

if TYPE_CHECKING:
    import numpy as np
    import torch

_say = partial(print, flush=True)

__all__ = ["PretrainConfig", "pretrain"]


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
    candidates: int = 4096
    validation_share: float = 0.01
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
        for name in ("mask_share", "warmup_share", "validation_share"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: expected more than 0 and less than 1")
        for name in ("minutes", "layers", "heads", "batch_positions", "stems", "vocabulary", "vector_size"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} {getattr(self, name)}: expected more than 0")
        if self.candidates < 0:
            raise ConfigError(f"candidates {self.candidates}: expected 0 (the whole vocabulary) or more")
        if self.hidden_size % self.heads:
            raise ConfigError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        if self.vector_size > self.hidden_size:
            raise ConfigError(
                f"vector_size {self.vector_size} is above hidden_size {self.hidden_size}: lower it, since the encoder's "
                "embeddings start from the vectors"
            )


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


def pretrain(config: PretrainConfig, report: Callable[[str], None] = _say) -> Path:
    """Run all stages; return the folder of the encoder (config, safetensors, tokenizer, lexicon, vectors).

    `report` is given a line on the progress every 50 steps, and one on the validation loss at every checkpoint.

    Resumes from `checkpoint/` after a kill: same order of text, same masks, same schedule (progress is counted
    in minutes of training, so a resumed run keeps its budget).
    """
    import numpy as np
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from .masked_lm import MaskedLanguageModel, initial_embeddings, sinusoids

    prepare(config)
    out = Path(config.output)
    torch.manual_seed(config.seed)
    tokenizer = AutoTokenizer.from_pretrained(out)
    lexicon = StemLexicon.load(out / "lexicon.json")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shape = BertConfig(
        vocab_size=len(tokenizer), hidden_size=config.hidden_size, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_length, type_vocab_size=len(AFFIXES), pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        # The fused attention of a CPU has a backward pass that takes longer than all matrix products of a layer.
        attn_implementation="eager" if device == "cpu" else "sdpa",
    )  # fmt: skip
    encoder = BertModel(shape, add_pooling_layer=False)
    with torch.no_grad():
        table = initial_embeddings(tokenizer, lexicon, np.load(out / "vectors.npy"), config.hidden_size, config.seed)
        encoder.embeddings.word_embeddings.weight.copy_(table)
        encoder.embeddings.position_embeddings.weight.copy_(sinusoids(config.max_length, config.hidden_size))
    stream, held_out = _split(Stream(**np.load(out / "stream.npz")), config)
    last = Stream(**np.load(out / "last.npz")) if config.last_phase else stream
    masked = int(config.batch_positions * config.mask_share)
    chance = candidate_chance(stream.ids, masked, config.candidates, len(tokenizer)) if config.candidates else None
    model = MaskedLanguageModel(encoder, None if chance is None else torch.from_numpy(chance)).to(device)
    _train(config, model, tokenizer, (stream, last, held_out), out, report)
    encoder.config.hidden_dropout_prob = encoder.config.attention_probs_dropout_prob = 0.1
    encoder.save_pretrained(out)
    return out


def _split(stream: Stream, config: PretrainConfig) -> tuple[Stream, Stream]:
    """The end of the text is held out; its loss says how well the encoder guesses what it never read."""
    end = len(stream.ids) - max(int(len(stream.ids) * config.validation_share), max(config.sequence_lengths))

    def part(where: slice) -> Stream:
        return Stream(stream.ids[where], stream.types[where], stream.word[where])

    return part(slice(None, end)), part(slice(end, None))


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
    config: PretrainConfig, model: Any, tokenizer: Any, texts: tuple[Stream, Stream, Stream], out: Path,
    report: Callable[[str], None],
) -> None:  # fmt: skip
    import numpy as np
    import torch

    main, last, held_out = texts
    device = model.bias.device
    optimizers = _optimizers(model, config)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    step, minutes = _load_checkpoint(out, model, optimizers)
    forward = torch.compile(model, dynamic=False) if config.compile else model
    began, since, positions, losses = time.monotonic(), time.monotonic(), 0, []
    base, log_every = minutes, 50
    while minutes < config.minutes:
        share = minutes / config.minutes
        stream = last if share > 1 - config.last_phase_share else main
        rng = np.random.default_rng((config.seed, step))
        batch = _batch(stream, step, sequence_length(config, share), config, tokenizer, rng)
        batch = with_candidates(batch, config.candidates, len(tokenizer), rng)
        scale = min(1.0, share / config.warmup_share) * min(1.0, (1 - share) / 0.7)
        for optimizer, initial in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, initial, strict=True):
                group["lr"] = rate * max(scale, 1e-3)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss, affix = forward(**{name: value.to(device) for name, value in batch.items()})
        (loss + 0.5 * affix).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        positions += config.batch_positions
        losses.append((loss.item(), affix.item()))
        minutes = base + (time.monotonic() - began) / 60
        if step % log_every == 0:
            speed = positions / (time.monotonic() - began)
            mean, mean_affix = np.mean(losses[-log_every:], axis=0)
            report(f"step {step}  {minutes:.1f}/{config.minutes:.0f} min  loss {mean:.3f}  affixes {mean_affix:.3f}  "
                   f"{speed:,.0f} positions/s")  # fmt: skip
        if (time.monotonic() - since) / 60 > config.checkpoint_minutes or minutes >= config.minutes:
            since = time.monotonic()
            _save_checkpoint(out, model, optimizers, step, minutes)
            length = sequence_length(config, share)
            held = validation_loss(model, held_out, length, config, tokenizer)
            report(f"step {step}  validation loss {held:.3f} at {length} positions")


def _batch(
    stream: Stream, step: int, length: int, config: PretrainConfig, tokenizer: Any, rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    ids, types, word = sequences(
        stream, step, length=length, positions=config.batch_positions, cls_id=tokenizer.cls_token_id, seed=config.seed
    )
    return mask_batch(ids, types, word, config.mask_share, tokenizer.mask_token_id, len(tokenizer), rng)


def validation_loss(
    model: Any, held_out: Stream, length: int, config: PretrainConfig, tokenizer: Any, batches: int = 8
) -> float:
    """Loss of masked stems (nats, softmax over the whole vocabulary) in text that training never sees.

    The same words are masked every time. Positions that training has not come to yet would say nothing: `length` is
    that of the sequences it is at."""
    import numpy as np
    import torch

    size = min(config.batch_positions, len(held_out.ids) // (length - 1) * length)
    same = replace(config, batch_positions=size)
    batches = max(1, min(batches, len(held_out.ids) // size))
    device, found = model.bias.device, []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        for number in range(batches):
            batch = _batch(held_out, number, length, same, tokenizer, np.random.default_rng((1, number)))
            found.append(float(model(**{name: value.to(device) for name, value in batch.items()})[0]))
    return float(np.mean(found))


def sequence_length(config: PretrainConfig, share: float) -> int:
    """Short sequences first: neighbours teach the most, and attention finds them sooner among few positions."""
    reached = 0.0
    for length, part in zip(config.sequence_lengths, config.sequence_shares, strict=True):
        reached += part
        if share < reached:
            return length
    return config.sequence_lengths[-1]


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
