"""From a folder of text to a small encoder: stem lexicon, tokenizer, skip-gram vectors, masked-language model.

Needs torch, transformers and numpy, gensim for the skip-gram stage alone, and accelerate for several devices. The stages
write into one output folder and are skipped where their files are there, so a killed run goes on where it was. The encoder is a
plain BERT that `AutoModel` loads: one position a word (its stem; rare stems fall into WordPieces), the word's clitics and
inflection as its token type. It starts from skip-gram vectors and learns to predict masked stems and their affixes. This module
knows nothing of events.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .lexicon import AFFIXES, StemLexicon
from .optimization import Progress, Schedule, build_optimizers, load_checkpoint, save_checkpoint
from .precision import in_bfloat16
from .preparation import prepare
from .processes import Processes
from .streams import Stream, candidate_chance, mask_batch, own_share, sequences, with_candidates
from .textfiles import write_whole

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import BertModel, PreTrainedTokenizerFast

    from .masked_lm import MaskedLanguageModel

_say = partial(print, flush=True)

_LOG_EVERY = 50  # steps

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
    start: str | None = None
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
    muon_learning_rate: float = 0.02
    mask_share: float = 0.2
    candidates: int = 4096
    validation_share: float = 0.01
    warmup_share: float = 0.05
    compile: bool = True
    bf16: bool | None = None
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


def pretrain(config: PretrainConfig, report: Callable[[str], None] = _say) -> Path:
    """Run all stages; return the folder of the encoder (config, safetensors, tokenizer, lexicon, vectors).

    `report` is given a line on the progress every 50 steps, and one on the validation loss at every checkpoint. At the end
    `pretraining.json` in the folder tells settings, steps, positions, minutes, losses (nats) and throughput.

    Resumes from `checkpoint/` after a kill: same order of text, same masks, same schedule (progress is counted
    in minutes of training, so a resumed run keeps its budget).

    Under `accelerate launch` or `torchrun` each process, one a device, reads its share of every step's sequences: a step is
    the same as with one process, up to rounding, and a run may go on with another number of them. The first process's
    clock counts, and it alone writes and reports. All must see the same output folder.

        accelerate launch --num_processes 2 -m ahdath pretrain configs/pretrain.yaml    # two GPUs
        torchrun --nproc-per-node 2 -m ahdath pretrain configs/pretrain.yaml            # the same, or two processes on a CPU

    Raises DataError for too little text and ConfigError for a step that has fewer sequences than there are processes.
    """
    import numpy as np
    from transformers import AutoTokenizer

    processes = Processes()
    if config.batch_positions // max(config.sequence_lengths) < processes.count:
        raise ConfigError(
            f"batch_positions {config.batch_positions}: expected a sequence of {max(config.sequence_lengths)} for each of "
            f"{processes.count} processes; raise it or start fewer"
        )
    with processes.first_before_others():
        prepare(config, report)
    out = Path(config.output)
    tokenizer = AutoTokenizer.from_pretrained(out)
    stream, held_out = _split(Stream(**np.load(out / "stream.npz")), config)
    last = Stream(**np.load(out / "last.npz")) if config.last_phase else stream
    model = _fresh_model(config, tokenizer, stream, processes.device)
    progress = _train(config, model, tokenizer, (stream, last, held_out), processes, report)
    if processes.first:
        _finish(config, progress, model, tokenizer, held_out, processes, report)
        report(f"{out}: encoder, tokenizer, stem lexicon and vectors")
    processes.end()
    return out


def _fresh_model(
    config: PretrainConfig, tokenizer: PreTrainedTokenizerFast, stream: Stream, device: torch.device
) -> MaskedLanguageModel:
    """The network before its first step, on `device`: skip-gram vectors as embeddings, all else drawn by the seed; or the
    encoder to go on from, under heads that are drawn anew."""
    import numpy as np
    import torch
    from transformers import BertConfig, BertModel

    from .masked_lm import MaskedLanguageModel, initial_embeddings, sinusoids

    out = Path(config.output)
    torch.manual_seed(config.seed)
    lexicon = StemLexicon.load(out / "lexicon.json")
    shape = BertConfig(
        vocab_size=len(tokenizer), hidden_size=config.hidden_size, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_length, type_vocab_size=len(AFFIXES), pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        # The fused attention of a CPU has a backward pass that takes longer than all matrix products of a layer.
        attn_implementation="eager" if device.type == "cpu" else "sdpa",
    )  # fmt: skip
    encoder = BertModel(shape, add_pooling_layer=False)
    if config.start:
        _load(encoder, Path(config.start))
    else:
        with torch.no_grad():
            table = initial_embeddings(tokenizer, lexicon, np.load(out / "vectors.npy"), config.hidden_size, config.seed)
            encoder.embeddings.word_embeddings.weight.copy_(table)
            encoder.embeddings.position_embeddings.weight.copy_(sinusoids(config.max_length, config.hidden_size))
    masked = int(config.batch_positions * config.mask_share)
    chance = candidate_chance(stream.ids, masked, config.candidates, len(tokenizer)) if config.candidates else None
    return MaskedLanguageModel(encoder, None if chance is None else torch.from_numpy(chance)).to(device)


def _load(encoder: BertModel, start: Path) -> None:
    """Put the weights of the encoder in the folder `start` into this one."""
    from safetensors.torch import load_file

    weights, own = load_file(str(start / "model.safetensors")), encoder.state_dict()
    names = own.keys() | weights.keys()
    odd = sorted(n for n in names if n not in own or n not in weights or own[n].shape != weights[n].shape)
    if odd:
        raise ConfigError(
            f"{start}: expected an encoder of the shape that hidden_size, layers, intermediate_size and max_length say, found "
            f"another in {', '.join(odd[:3])}; give the values of its own run"
        )
    encoder.load_state_dict(weights)


def _split(stream: Stream, config: PretrainConfig) -> tuple[Stream, Stream]:
    """The end of the text is held out; its loss says how well the encoder guesses what it never read."""
    end = len(stream.ids) - max(int(len(stream.ids) * config.validation_share), max(config.sequence_lengths))

    def part(where: slice) -> Stream:
        return Stream(stream.ids[where], stream.types[where], stream.word[where])

    return part(slice(None, end)), part(slice(end, None))


def _train(
    config: PretrainConfig, model: MaskedLanguageModel, tokenizer: PreTrainedTokenizerFast, texts: tuple[Stream, Stream, Stream],
    processes: Processes, report: Callable[[str], None],
) -> Progress:  # fmt: skip
    """Step by step to the end of the minutes, from the last checkpoint on; how far it came."""
    import numpy as np
    import torch

    main, last, held_out = texts
    out = Path(config.output)
    optimizers = build_optimizers(
        model, name=config.optimizer, learning_rate=config.learning_rate, muon_learning_rate=config.muon_learning_rate
    )
    schedule = Schedule(optimizers, warmup_share=config.warmup_share)
    start = progress = load_checkpoint(out, model, optimizers, batch_positions=config.batch_positions)
    compiled: Any = torch.compile(model, dynamic=False) if config.compile else model
    forward = processes.replicated(compiled)
    began = since = time.monotonic()
    losses: deque[list[float]] = deque(maxlen=_LOG_EVERY)
    while progress.minutes < config.minutes:
        share = progress.minutes / config.minutes
        length = sequence_length(config, share)
        rng = np.random.default_rng((config.seed, progress.step))
        stream = last if share > 1 - config.last_phase_share else main
        batch = _batch(stream, progress.step, length, config, tokenizer, rng)
        batch = with_candidates(batch, config.candidates, len(tokenizer), rng)
        schedule.set(share)
        stems, affixes = _step(config, forward, batch, optimizers, processes)
        elapsed = time.monotonic() - began
        *found, elapsed = processes.totals(stems, affixes, elapsed if processes.first else 0.0)
        losses.append(found)
        progress = Progress(
            progress.step + 1, start.minutes + elapsed / 60, progress.positions + batch["ids"].numel(),
            *(float(mean) for mean in np.mean(losses, axis=0)),
        )  # fmt: skip
        if not processes.first:
            continue
        if progress.step % _LOG_EVERY == 0:
            report(_line(progress, config, (progress.positions - start.positions) / elapsed))
        ended = progress.minutes >= config.minutes
        if ended or (time.monotonic() - since) / 60 > config.checkpoint_minutes:
            since = time.monotonic()
            save_checkpoint(out, model, optimizers, progress)
            if not ended:
                held = validation_loss(model, held_out, length, config, tokenizer)
                report(f"step {progress.step}  validation loss {held:.3f} at {length} positions")
    return progress


def _step(
    config: PretrainConfig, forward: Any, batch: dict[str, torch.Tensor], optimizers: Sequence[torch.optim.Optimizer],
    processes: Processes,
) -> tuple[float, float]:  # fmt: skip
    """One step on this process's share of the batch; the share's part of the step's losses, of stems and of affixes."""
    import torch

    device = processes.device
    own = own_share(batch, processes.number, processes.count)
    # A step's loss is the mean over all its masked places, and shares have not equally many of them.
    part = int((own["targets"] >= 0).sum()) / len(batch["targets"])
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=in_bfloat16(config.bf16)):
        loss, affix = forward(**{name: value.to(device) for name, value in own.items()})
    ((loss + 0.5 * affix) * (part * processes.count)).backward()  # gradients are averaged over processes
    torch.nn.utils.clip_grad_norm_(forward.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item() * part, affix.item() * part


def _line(progress: Progress, config: PretrainConfig, speed: float) -> str:
    """The progress in a line, `speed` in positions a second."""
    hours, left = divmod(round(config.minutes - progress.minutes), 60)
    return (
        f"step {progress.step}  {progress.minutes:.1f}/{config.minutes:.0f} min  ETA {hours} h {left:02d} min  "
        f"loss {progress.loss:.3f}  affixes {progress.affix_loss:.3f}  {speed:,.0f} positions/s"
    )


def _finish(
    config: PretrainConfig, progress: Progress, model: MaskedLanguageModel, tokenizer: PreTrainedTokenizerFast, held_out: Stream,
    processes: Processes, report: Callable[[str], None],
) -> None:  # fmt: skip
    """Write encoder and record of a run that has come to its end; nothing where both stand from another time."""
    out = Path(config.output)
    file = out / "pretraining.json"
    recorded = file.exists() and json.loads(file.read_text(encoding="utf-8"))["steps"] == progress.step
    if recorded and (out / "model.safetensors").exists():
        return
    encoder = model.encoder
    encoder.config.hidden_dropout_prob = 0.1  # in fine-tuning; that of attention takes time and was not missed there
    encoder.save_pretrained(out)
    length = sequence_length(config, 1.0)
    held = validation_loss(model, held_out, length, config, tokenizer)
    speed = progress.positions / (progress.minutes * 60)
    report(f"step {progress.step}  validation loss {held:.3f} at {length} positions")
    report(f"finished: {progress.step:,} steps, {progress.positions:,} positions in {progress.minutes:.1f} min, "
           f"{speed:,.0f} positions/s")  # fmt: skip
    told = asdict(progress)
    record = {
        "settings": asdict(config), "steps": told.pop("step"), **told, "validation_loss": held, "validation_length": length,
        "positions_per_second": round(speed, 1), "processes": processes.count, "device": processes.device.type,
        "precision": "bfloat16" if in_bfloat16(config.bf16) else "float32",
    }  # fmt: skip
    write_whole(file, json.dumps(record, indent=1, ensure_ascii=False))


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
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=in_bfloat16(config.bf16)):
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
