"""A token classifier on an encoder, for tables on which encoders are compared: one label a word, BIO or any other.

Built and fed by what the event model is built and fed by (`training.build_extractor`, `WordTokenizer`, `collate`), trained by
transformers' Trainer. Two heads: "plain" is dropout and a linear layer on a word's first piece, as
`AutoModelForTokenClassification` has it; "package" is the same layer on the word states of `modeling.WordEncoder`. This module
knows no task, no files and no scores.

Dimensions in shapes: B windows, L pieces, W words, H word state, C labels.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PrinterCallback, Trainer, TrainingArguments, set_seed
from transformers.trainer_pt_utils import LengthGroupedSampler

from ahdath.errors import ConfigError, DataError
from ahdath.modeling import AhdathModel
from ahdath.precision import in_bfloat16
from ahdath.text import words
from ahdath.tokenization import Window, WordTokenizer, collate
from ahdath.training import TrainConfig, build_extractor, parameter_groups
from ahdath.trainset import Collator
from ahdath.warmstart import is_model

__all__ = ["HEADS", "STARTS", "Example", "Fitted", "Tagger", "collate_examples", "examples", "fit"]

HEADS, STARTS = ("plain", "package"), ("pretrained", "random")

IGNORED = -100
"""The label that torch's cross entropy leaves out."""

_AT_ONCE = 32  # windows in a batch of `Fitted.tags`


class Example(NamedTuple):
    """A window of a sentence; `heads` has for each of its words the number of the given word that it begins, -1 for others."""

    window: Window
    sentence: int
    heads: tuple[int, ...]


def examples(sentences: Sequence[Sequence[str]], tokenizer: WordTokenizer) -> list[Example]:
    """Windows of sentences that come as words, one window a sentence unless it is long.

    What stands between white space there may be several words to `text.words` (`القاهرة،` is two). The first of them speaks for
    it, as the first piece does in every other tokenizer. A word of invisible characters alone is in no window.

    >>> found = examples([["في", "القاهرة،"]], tokenizer)                                  # doctest: +SKIP
    >>> found[0].heads                                                                    # doctest: +SKIP
    (0, 1, -1)
    """
    made = []
    for number, forms in enumerate(sentences):
        text = " ".join(forms)
        begins = list(accumulate((len(form) + 1 for form in forms), initial=0))[:-1]
        first: dict[int, int] = {}
        for start, _ in words(text):
            first.setdefault(bisect_right(begins, start) - 1, start)
        owner = {start: index for index, start in first.items()}
        for window in tokenizer.windows(text)[0]:
            own = zip(window.spans, window.owned, strict=True)
            made.append(Example(window, number, tuple(owner.get(start, -1) if mine else -1 for (start, _), mine in own)))
    return made


def collate_examples(items: Sequence[tuple[Example, Sequence[int] | None]], pad_id: int) -> dict[str, Tensor]:
    """A batch named like the arguments of `Tagger.forward`; `labels` where examples come with those of their sentence.

    Shape of labels: (B, W), IGNORED for padding and for words that begin none of the sentence's.
    """
    arrays = collate([example.window for example, _ in items], pad_id)
    del arrays["sentence"]
    if items[0][1] is not None:
        labels = np.full(arrays["word_mask"].shape, IGNORED, np.int64)
        for row, (example, wanted) in enumerate(items):
            for column, word in enumerate(example.heads):
                if word >= 0 and wanted is not None:
                    labels[row, column] = wanted[word]
        arrays["labels"] = labels
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


class Tagger(nn.Module):
    """Encoder and one linear layer, of first pieces or of the package's word states."""

    def __init__(self, body: AhdathModel, labels: int, *, head: str, dropout: float) -> None:
        super().__init__()
        if head not in HEADS:
            raise ConfigError(f"head {head!r}: expected one of {', '.join(HEADS)}")
        self.encoder = body.encoder
        self.words = body.words if head == "package" else None
        config = body.config
        size = config.word_size + config.context_size if head == "package" else body.encoder.config.hidden_size
        self.dropout = nn.Dropout(dropout if head == "plain" else 0.0)  # the word encoder has its own
        self.classifier = nn.Linear(size, labels)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, pieces: Tensor, word_mask: Tensor, token_type_ids: Tensor | None = None,
        rows: Tensor | None = None, affixes: Tensor | None = None, ngrams: Tensor | None = None, labels: Tensor | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """`logits`, Shape: (B, W, C), and with labels (B, W) `loss`."""
        extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state
        if self.words is None:
            states = hidden.gather(1, pieces[..., :1].expand(-1, -1, hidden.shape[-1]))
        else:
            states = self.words(hidden, pieces, word_mask, rows, affixes, ngrams)
        logits: Tensor = self.classifier(self.dropout(states))
        if labels is None:
            return {"logits": logits}
        return {"loss": F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED), "logits": logits}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained tagger; `names` are its labels, `bf16` whether it computes in bfloat16 as it did in training."""

    model: Tagger
    tokenizer: WordTokenizer
    names: tuple[str, ...]
    bf16: bool

    @property
    def body(self) -> int:
        """Parameters of the encoder without its embeddings."""
        return sum(p.numel() for name, p in self.model.encoder.named_parameters() if "embeddings" not in name)

    @property
    def parameters(self) -> int:
        """All parameters, embeddings and stored stem vectors with them."""
        return sum(p.numel() for p in self.model.parameters()) + sum(b.numel() for n, b in self.model.named_buffers() if "vectors" in n)

    def tags(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The best label of each word; the first of `names` for a word that no window shows."""
        found = [[self.names[0]] * len(forms) for forms in sentences]
        asked = sorted(examples(sentences, self.tokenizer), key=lambda one: len(one.window.input_ids))
        device = self.model.classifier.weight.device
        self.model.eval()
        for at in range(0, len(asked), _AT_ONCE):
            part = asked[at : at + _AT_ONCE]
            batch = collate_examples([(one, None) for one in part], self.tokenizer.tokenizer.pad_token_id or 0)
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
                logits = self.model(**{name: value.to(device) for name, value in batch.items()})["logits"]
            best = logits.argmax(-1).tolist()
            for one, row in zip(part, best, strict=True):
                for word, label in zip(one.heads, row, strict=False):
                    if word >= 0:
                        found[one.sentence][word] = self.names[label]
        return found


def fit(
    settings: TrainConfig, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]], *, head: str = "plain",
    start: str = "pretrained",
) -> Fitted:  # fmt: skip
    """Train a tagger on sentences of words and their labels, by those keys of `settings` that speak of one encoder and one head.

    These are encoder, spelling, segmentation, sizes and features (for the head "package"), dropout, epochs, batch_size, both rates
    with layer_decay, weight_decay, warmup_share, freeze_embeddings, word_dropout, bf16, seed. With `start` "random" all weights of
    the encoder are drawn anew, its embeddings too, and none is frozen; the stem vectors of the head "package" stay.

    Raises ConfigError for an unknown head or start, DataError for sentences without words, ModelError for an unreadable encoder.
    """
    if start not in STARTS:
        raise ConfigError(f"start {start!r}: expected one of {', '.join(STARTS)}")
    if is_model(settings.encoder):
        raise ConfigError(f"encoder {settings.encoder}: expected an encoder, found a model of ahdath; take the encoder out of it "
                          "with scripts/encoder.py")  # fmt: skip
    if head == "plain":  # the tokenizer keeps its lexicon; nothing is looked up beside it
        settings = replace(settings, lexical_features=False, ngram_buckets=0)
    settings = replace(settings, bf16=in_bfloat16(settings.bf16))
    set_seed(settings.seed)
    extractor = build_extractor(settings)
    body, tokenizer = extractor.model, extractor.tokenizer
    if start == "random":
        drawn = AutoModel.from_config(body.encoder.config).state_dict()  # with a pooler, which ours lacks
        body.encoder.load_state_dict({name: drawn[name] for name in body.encoder.state_dict()})
    elif settings.freeze_embeddings:  # as in `training.train`
        body.encoder.get_input_embeddings().requires_grad_(False)
    if not torch.cuda.is_available():  # the fused attention of a CPU is slow backwards
        body.encoder.set_attn_implementation("eager")
    names = sorted({tag for row in tags for tag in row}, key=lambda name: (name != "O", name))
    numbers = {name: number for number, name in enumerate(names)}
    wanted = [[numbers[tag] for tag in row] for row in tags]
    data = [(one, wanted[one.sentence]) for one in examples(sentences, tokenizer) if max(one.heads) >= 0]
    if not data:
        raise DataError("sentences: expected words with labels, found none; check the file")
    model = Tagger(body, len(names), head=head, dropout=settings.dropout)
    with TemporaryDirectory() as folder:  # which Trainer wants; nothing is kept in it
        trainer = _Training(model=model, args=_arguments(settings, folder), train_dataset=data,
                            data_collator=Collator(tokenizer, settings.word_dropout, collate_examples), settings=settings)  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return Fitted(model, tokenizer, tuple(names), bool(settings.bf16))


class _Training(Trainer):  # type: ignore[misc]  # transformers has no types
    """Trainer with the rates of `training.parameter_groups` and batches of like length."""

    optimizer: torch.optim.Optimizer | None

    def __init__(self, *, settings: TrainConfig, **kwargs: Any) -> None:
        self.settings = settings
        super().__init__(**kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        lengths = [len(example.window.input_ids) for example, _ in self.train_dataset]
        dice = torch.Generator().manual_seed(self.settings.seed)
        return LengthGroupedSampler(self.settings.batch_size, lengths=lengths, generator=dice)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:
            groups = parameter_groups(self.model, self.settings)
            self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
        return self.optimizer


def _arguments(settings: TrainConfig, folder: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder, num_train_epochs=settings.epochs, per_device_train_batch_size=settings.batch_size,
        warmup_steps=settings.warmup_share, lr_scheduler_type="linear", max_grad_norm=1.0, bf16=bool(settings.bf16),
        eval_strategy="no", save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True,
        remove_unused_columns=False, dataloader_num_workers=0, dataloader_pin_memory=False, seed=settings.seed,
        data_seed=settings.seed, label_names=["labels"], use_cpu=not torch.cuda.is_available(),
    )  # fmt: skip
