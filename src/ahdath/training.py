"""Fine-tuning: typed settings, windows with labels, transformers' Trainer, weight averaging, calibration.

Evaluation during training is inference on Documents through the one decoder. A run can be killed at any moment:
each epoch ends with a checkpoint that counts only once its last file is written, and a resumed run gives the
same model as an unbroken one (same machine, same number of threads).
"""

from __future__ import annotations

import gc
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, set_seed

from . import corpus, metrics
from .augment import augment
from .errors import ConfigError, did_you_mean
from .inference import EventExtractor
from .lexicon import StemLexicon
from .modeling import LOSSES, AhdathModel
from .ontology import Ontology
from .precision import in_bfloat16
from .textfiles import write_whole
from .thresholds import calibrate
from .tokenization import SPELLINGS, WordTokenizer
from .trainset import ByLength, Collator, TrainingSet
from .warmstart import KEEP, adopted, extractor_from, is_model

if TYPE_CHECKING:
    from .schema import Document
    from .scores import Scores

__all__ = ["TrainConfig", "train"]


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `ahdath train`; every key of a training YAML is one of these (see configs/embedded.yaml)."""

    encoder: str
    train: str
    dev: str
    output: str
    ontology: str | None = None
    keep: str = "all"
    spelling: str = "arabert"
    segmentation: bool = False
    lexical_features: bool = False
    vector_rows: int = 24_000
    ngram_buckets: int = 0
    window_length: int | None = None
    word_size: int = 256
    context_size: int = 256
    pair_size: int = 192
    pooling: str = "first+last"
    dropout: float = 0.3
    loss_weights: dict[str, float] = field(default_factory=dict)
    epochs: int = 20
    batch_size: int = 16
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-4
    layer_decay: float = 0.9
    freeze_embeddings: bool = False
    weight_decay: float = 0.01
    warmup_share: float = 0.06
    averaging: float = 0.995
    word_dropout: float = 0.05
    typo_share: float = 0.0
    swap_share: float = 0.0
    predicted_triggers: float = 0.1
    patience: int = 8
    evaluate_from: int = 1
    bf16: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "evaluate_from"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: expected 1 or more")
        for name in ("averaging", "word_dropout", "typo_share", "swap_share", "predicted_triggers", "dropout", "warmup_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: expected 0 or more and less than 1")
        for name in ("learning_rate", "encoder_learning_rate", "weight_decay"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} {getattr(self, name)}: expected 0 or more")
        if self.window_length is not None and self.window_length < 16:
            raise ConfigError(f"window_length {self.window_length}: expected 16 pieces or more, or null: all that the encoder can read")
        if not 0 < self.layer_decay <= 1:
            raise ConfigError(f"layer_decay {self.layer_decay}: expected more than 0 and at most 1 (1: all layers alike)")
        for name in self.loss_weights:
            if name not in LOSSES:
                raise ConfigError(f"loss_weights: no loss {name!r}{did_you_mean(name, LOSSES)}; known: {', '.join(LOSSES)}")
        if self.keep not in KEEP:
            raise ConfigError(f"keep {self.keep!r}: expected one of {', '.join(KEEP)}{did_you_mean(self.keep, KEEP)}")
        if self.spelling not in SPELLINGS:
            raise ConfigError(f"spelling {self.spelling!r} is unknown; expected one of {sorted(SPELLINGS)}")
        if self.segmentation and self.spelling != "ahdath":
            raise ConfigError("segmentation needs spelling: ahdath, because stems are spelled that way in the lexicon")
        for name in ("lexical_features", "ngram_buckets"):
            if getattr(self, name) and not self.segmentation:
                raise ConfigError(f"{name} need segmentation: true, because they are looked up by the lexicon")
        if self.ngram_buckets == 1 or self.ngram_buckets < 0:
            raise ConfigError(f"ngram_buckets {self.ngram_buckets}: expected 0 (none) or 2 and more, since one is padding")


class _Averaging(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Exponential moving average of all floating weights; lives in checkpoints beside the optimizer."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.shadow = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        device = _bare(model).device  # the Trainer has moved the model since
        self.shadow = {name: average.to(device) for name, average in self.shadow.items()}

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            own = dict(_bare(model).named_parameters())
            torch._foreach_lerp_(list(self.shadow.values()), [own[name] for name in self.shadow], 1 - decay)

    def swap(self, model: nn.Module) -> None:
        """Exchange the model's weights with the average; twice restores them."""
        with torch.no_grad():
            own = dict(model.named_parameters())
            for name, average in self.shadow.items():
                kept = own[name].detach().clone()
                own[name].copy_(average)
                self.shadow[name] = kept

    def state(self) -> dict[str, torch.Tensor]:
        return {**{n: t.contiguous() for n, t in self.shadow.items()}, "steps": torch.tensor(self.steps)}

    def load(self, saved: dict[str, torch.Tensor]) -> None:
        self.steps = int(saved.pop("steps"))
        self.shadow = saved


class _Bookkeeping(TrainerCallback):  # type: ignore[misc]
    """Tells the data which epoch it is; writes the last file of every checkpoint, the mark that it is whole."""

    def __init__(self, data: TrainingSet, averaging: _Averaging, trainer: list[_EventTrainer]) -> None:
        self.data, self.averaging, self.trainer = data, averaging, trainer

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.data.epoch = round(state.epoch or 0)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer[0].accelerator.wait_for_everyone()  # each process writes the state of its own dice
        if not state.is_world_process_zero:
            return
        from safetensors.torch import save_file

        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        save_file(self.averaging.state(), str(folder / "average.safetensors"))
        told = {"settings": asdict(self.trainer[0].settings), **self.trainer[0].history}
        write_whole(folder / "complete.json", json.dumps(told))


class _EventTrainer(Trainer):  # type: ignore[misc]
    """Trainer with layer-wise rates and evaluation by inference on Documents with the averaged weights."""

    optimizer: torch.optim.Optimizer | None

    def __init__(self, *args: Any, settings: TrainConfig, extractor: EventExtractor, dev: Sequence[Document],
                 averaging: _Averaging, **kwargs: Any) -> None:  # fmt: skip
        self.settings, self.extractor, self.dev, self.averaging = settings, extractor, dev, averaging
        self.history: dict[str, Any] = {"best": -1.0, "stale": 0, "epochs": []}
        super().__init__(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        return ByLength(self.train_dataset, batch_size=self.settings.batch_size, seed=self.settings.seed)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(
                parameter_groups(_bare(self.model), self.settings), betas=(0.9, 0.98), fused=True
            )
        return self.optimizer

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        model = _bare(self.model)
        epoch = round(self.state.epoch or 0)
        if epoch < min(self.settings.evaluate_from, self.settings.epochs):
            return {}
        self.averaging.swap(model)
        scores = dev_scores(self.extractor, self.dev)
        if scores["eval_mean"] > self.history["best"]:
            self.history |= {"best": scores["eval_mean"], "stale": 0}
            if self.is_world_process_zero():
                _replace_folder(Path(self.args.output_dir) / "best", self.extractor.save_pretrained)
        else:
            self.history["stale"] += 1
        self.averaging.swap(model)
        model.train()
        self.history["epochs"].append({"epoch": epoch, **scores})
        self.log(scores)
        if self.history["stale"] >= self.settings.patience:
            self.control.should_training_stop = True
        return scores


def dev_scores(extractor: EventExtractor, documents: Sequence[Document]) -> dict[str, float]:
    """TC, AC+ with predicted and with gold triggers, sentence types: F1 in percent, and the mean that picks the best."""
    extractor.model.eval()
    predicted = list(extractor.classify_many(d.text for d in documents))
    predicted = [replace(p, id=d.id) for p, d in zip(predicted, documents, strict=True)]
    free = metrics.score(documents, predicted, extractor.ontology, bootstrap=0)
    given = metrics.score(documents, extractor.with_gold_triggers(documents), extractor.ontology, bootstrap=0)
    tc, ac, gold, types = _f1(free, "TC"), _f1(free, "AC+"), _f1(given, "AC+"), _f1(free, "sentence types")
    return {"eval_tc": tc, "eval_ac": ac, "eval_ac_gold": gold, "eval_sentences": types, "eval_mean": (tc + ac) / 2}


def _f1(scores: Scores, name: str) -> float:
    return float(100 * scores.measures[name].f1)


def _bare(model: Any) -> AhdathModel:
    inner: AhdathModel = getattr(model, "module", model)
    return inner


def parameter_groups(model: AhdathModel, settings: TrainConfig) -> list[dict[str, Any]]:
    """Heads at the full rate, the encoder at its own, lower by `layer_decay` for every layer further down."""
    depth = int(getattr(model.encoder.config, "num_hidden_layers", 12))
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = settings.learning_rate
        if name.startswith("encoder."):
            numbers = [int(part) for part in name.split(".") if part.isdigit()]
            below = depth - numbers[0] - 1 if numbers else depth
            if not numbers and "embed" not in name:
                below = 0
            rate = settings.encoder_learning_rate * settings.layer_decay**below
        groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": members, "lr": rate, "weight_decay": settings.weight_decay if matrix else 0.0}
        for (rate, matrix), members in groups.items()
    ]


def newest_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint that is whole; half-written ones are deleted."""
    found = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [path for path in found if (path / "complete.json").exists()]
    for path in set(found) - set(whole):
        shutil.rmtree(path)
    return whole[-1] if whole else None


def _replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder beside its place, then swap it in: a kill leaves the old one or the new one."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write(fresh)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def build_extractor(settings: TrainConfig) -> EventExtractor:
    """A model with fresh heads on the encoder that the settings name, or started from the model that they name."""
    ontology = Ontology.default() if settings.ontology is None else Ontology.from_yaml(settings.ontology)
    if is_model(settings.encoder):
        return extractor_from(adopted(settings), ontology)
    folder = Path(settings.encoder)
    lexicon = StemLexicon.load(folder / "lexicon.json") if settings.segmentation else None
    vectors = None
    if settings.lexical_features:
        vectors = np.load(folder / "vectors.npy", allow_pickle=False)[: settings.vector_rows]
    model = AhdathModel.from_encoder(
        settings.encoder, ontology=ontology, vectors=vectors, spelling=settings.spelling, segmentation=settings.segmentation,
        ngram_buckets=settings.ngram_buckets, window_length=settings.window_length, word_size=settings.word_size, context_size=settings.context_size,
        pair_size=settings.pair_size, pooling=settings.pooling, dropout=settings.dropout, loss_weights=settings.loss_weights,
    )  # fmt: skip
    pieces = AutoTokenizer.from_pretrained(settings.encoder)
    tokenizer = WordTokenizer(pieces, max_length=model.config.window_length, spelling=settings.spelling, lexicon=lexicon)
    return EventExtractor(model, tokenizer, name=Path(settings.output).name)


def train(settings: TrainConfig) -> EventExtractor:
    """Fine-tune by `settings`, keep the weights that are best on dev, calibrate them, save them to `output`.

    Returns the finished extractor; `output` holds it as a model folder beside `training.json` (settings and dev
    scores by epoch). Run it again after a kill and it goes on from the newest whole checkpoint.
    """
    gc.collect()  # of an earlier training: Trainer and callbacks refer to each other, and no collector sees how large they are
    settings = adopted(settings)
    set_seed(settings.seed)
    extractor = build_extractor(settings)
    ontology, output = extractor.ontology, Path(settings.output)
    documents, dev = corpus.read_jsonl(settings.train, ontology), corpus.read_jsonl(settings.dev, ontology)
    change = augment(documents, typos=settings.typo_share, swaps=settings.swap_share)
    data = TrainingSet(documents, extractor.tokenizer, ontology, change, settings.seed)
    set_seed(settings.seed)
    model = extractor.model
    model.predicted_triggers = settings.predicted_triggers
    if settings.freeze_embeddings:  # words that training never shows stay neighbours of those that it does
        model.encoder.get_input_embeddings().requires_grad_(False)
    if not torch.cuda.is_available():  # the fused attention of a CPU is slow backwards
        model.encoder.set_attn_implementation("eager")
    averaging = _Averaging(model, settings.averaging)
    holder: list[_EventTrainer] = []
    trainer = _EventTrainer(
        model=model, args=_arguments(settings, output), train_dataset=data,
        data_collator=Collator(extractor.tokenizer, settings.word_dropout),
        eval_dataset=data, callbacks=[averaging, _Bookkeeping(data, averaging, holder)],
        settings=settings, extractor=extractor, dev=dev, averaging=averaging,
    )  # fmt: skip
    holder.append(trainer)
    with trainer.accelerator.main_process_first():  # the first deletes what is half-written
        checkpoint = newest_checkpoint(output)
    if checkpoint is not None:
        from safetensors.torch import load_file

        averaging.load(load_file(str(checkpoint / "average.safetensors")))
        trainer.history = json.loads((checkpoint / "complete.json").read_text(encoding="utf-8"))
        _same_run(settings, trainer.history.pop("settings", {}), output)
    if checkpoint is None or trainer.history["stale"] < settings.patience:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.accelerator.wait_for_everyone()  # the first process may still be writing `best`
    best = EventExtractor.from_pretrained(output / "best")
    finished = EventExtractor(best.model, best.tokenizer, name=output.name)
    calibrate(finished, dev)
    if trainer.is_world_process_zero():
        finished.save_pretrained(output)
        precision = "bfloat16" if trainer.args.bf16 else "float32"
        told = {"settings": asdict(settings), "precision": precision}
        record = {**told, "dev": trainer.history["epochs"], "final": dev_scores(finished, dev)}
        (output / "training.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    return finished


def _same_run(settings: TrainConfig, before: dict[str, Any], output: Path) -> None:
    """Refuse to go on from a checkpoint of other settings: the result would be neither run's."""
    now = asdict(settings)
    changed = [f"{key} {before[key]!r}, now {now[key]!r}" for key in now if key in before and key != "output"
               and before[key] != now[key]]  # fmt: skip
    if changed:
        raise ConfigError(f"{output} holds a run with other settings ({'; '.join(changed)}): name another output, or delete it")


def _arguments(settings: TrainConfig, output: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(output), num_train_epochs=settings.epochs, per_device_train_batch_size=settings.batch_size,
        warmup_steps=settings.warmup_share, lr_scheduler_type="linear", max_grad_norm=1.0, bf16=in_bfloat16(settings.bf16),
        eval_strategy="epoch", save_strategy="epoch", save_total_limit=2, logging_steps=50, report_to=[],
        remove_unused_columns=False, dataloader_num_workers=0, seed=settings.seed, data_seed=settings.seed,
        ddp_find_unused_parameters=True, label_names=["trigger_labels"], use_cpu=not torch.cuda.is_available(),
    )  # fmt: skip
