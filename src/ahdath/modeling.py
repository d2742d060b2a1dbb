"""The network: one encoder pass, word states, and four heads (sentences, triggers, attributes, arguments).

`AhdathModel` sits on any `AutoModel` encoder. Pieces become words by their first and last piece; small encoders
get lexical features beside them (skip-gram vectors of stems, affixes, hashed character n-grams); a BiLSTM reads
the words; the heads are small. Arguments and attributes are conditioned on one trigger at a time, but on the
word states of the single encoder pass (the conditioning of TagPrime, Hsu et al. 2023, without its cost). This
module knows no text, no offsets, no thresholds; `tokenization` makes its inputs, `decoding` reads its outputs.

Dimensions in shapes: B windows, L pieces, W words, S sentences, E events, T types, R roles, H word state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from .errors import ConfigError, ModelError
from .layers import PairHead, SharedDropout, WordEncoder, role_tags
from .losses import binary, sequence
from .ontology import Ontology

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOSSES", "AhdathConfig", "AhdathModel", "AhdathOutput", "role_tags"]

#: The parts of the joint loss and their usual weights.
LOSSES = {"trigger": 1.0, "continuation": 0.2, "sentence": 0.1, "attribute": 0.2, "argument": 1.0, "mention": 0.3}


class AhdathConfig(PretrainedConfig):  # type: ignore[misc]  # transformers has no types
    """Everything that is needed to rebuild a model and to read its outputs.

    encoder: the config of the encoder, as a dict with `model_type`; ontology: `Ontology.to_dict()`;
    spelling: how words are spelled for the tokenizer (`tokenization.SPELLINGS`); lexicon_size: stems with a
    vector beside the pieces (0: none); trigger_temperature, argument_temperature and
    threshold are set on dev, sentence_threshold is fixed.
    """

    model_type = "ahdath"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        ontology: dict[str, Any] | None = None,
        *,
        spelling: str = "arabert",
        segmentation: bool = False,
        window_length: int = 512,
        lexicon_size: int = 0,
        vector_size: int = 192,
        ngram_buckets: int = 0,
        ngram_size: int = 64,
        word_size: int = 256,
        context_size: int = 256,
        pair_size: int = 192,
        pair_dilations: list[int] | None = None,
        pooling: str = "first+last",
        dropout: float = 0.3,
        loss_weights: dict[str, float] | None = None,
        trigger_temperature: float = 1.0,
        argument_temperature: float = 1.0,
        threshold: float = 0.5,
        sentence_threshold: float = 0.5,
        **kwargs: Any,
    ) -> None:
        if pooling not in ("first", "mean", "first+last"):
            raise ConfigError(f"pooling {pooling!r}: expected 'first', 'mean' or 'first+last'")
        self.encoder = encoder
        self.ontology = ontology if ontology is not None else Ontology.default().to_dict()
        self.spelling = spelling
        self.segmentation = segmentation
        self.window_length = window_length
        self.lexicon_size = lexicon_size
        self.vector_size = vector_size
        self.ngram_buckets = ngram_buckets
        self.ngram_size = ngram_size
        self.word_size = word_size
        self.context_size = context_size
        self.pair_size = pair_size
        self.pair_dilations = pair_dilations or [1, 3]
        self.pooling = pooling
        self.dropout = dropout
        self.loss_weights = {**LOSSES, **(loss_weights or {})}
        self.trigger_temperature = trigger_temperature
        self.argument_temperature = argument_temperature
        self.threshold = threshold
        self.sentence_threshold = sentence_threshold
        super().__init__(**kwargs)

    def encoder_config(self) -> PretrainedConfig:
        """The encoder's own config object."""
        if not self.encoder:
            raise ConfigError("this config names no encoder; build models with AhdathModel.from_encoder(name_or_path)")
        return AutoConfig.for_model(**self.encoder)


@dataclass
class AhdathOutput(ModelOutput):  # type: ignore[misc]
    """Losses and logits. `trigger` Shape: (B, W, T); `continuation` (B, W); `sentence` (B, S, T); with events
    `argument` (E, W, 2R+1) and `attribute` (E, values beyond the first of each attribute)."""

    loss: Tensor | None = None
    trigger: Tensor | None = None
    continuation: Tensor | None = None
    sentence: Tensor | None = None
    argument: Tensor | None = None
    attribute: Tensor | None = None
    words: Tensor | None = None
    losses: dict[str, Tensor] | None = None


class AhdathModel(PreTrainedModel):  # type: ignore[misc]
    """Encoder, word encoder and heads. Saved and loaded like every Hugging Face model (config + safetensors)."""

    config_class = AhdathConfig
    base_model_prefix = "encoder"
    supports_gradient_checkpointing = False
    _supports_sdpa = True
    _no_split_modules: ClassVar[list[str]] = []
    allowed: Tensor

    def __init__(self, config: AhdathConfig) -> None:
        super().__init__(config)
        inner = config.encoder_config()
        self.encoder = AutoModel.from_config(inner, **_no_pooler(inner))
        ontology = Ontology.from_dict(config.ontology)
        self.n_types, self.n_roles = len(ontology.type_names), len(ontology.role_names)
        values = sum(len(names) - 1 for names in ontology.attributes.values())
        self.attribute_sizes = [len(names) for names in ontology.attributes.values()]
        self.words = WordEncoder(config, inner.hidden_size)
        size = config.word_size + config.context_size
        self.trigger = nn.Sequential(
            nn.Linear(size, config.word_size), nn.GELU(), SharedDropout(config.dropout), nn.Linear(config.word_size, self.n_types)
        )
        self.continuation = nn.Linear(size, 1)
        self.mention = nn.Linear(size, 3)
        self.sentence_attention = nn.Linear(size, self.n_types)
        self.sentence_values = nn.Linear(size, self.n_types)
        self.sentence_mix = nn.Linear(2, 1)
        self.pairs = PairHead(size, config, self.n_types, self.n_roles, values)
        # A persistent buffer: transformers 5 builds models on the meta device and fills in what was saved.
        self.register_buffer("allowed", torch.zeros(self.n_types, role_tags(self.n_roles), dtype=torch.bool))
        self.predicted_triggers = 0.0  # share of gold types replaced by predicted ones in training
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)
            if module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx].zero_()
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            for name, parameter in module.named_parameters():
                if "weight_hh" in name:
                    nn.init.orthogonal_(parameter)
                elif "weight" in name:
                    nn.init.xavier_uniform_(parameter)
                else:
                    nn.init.zeros_(parameter)
        if module is self:
            self.allowed.copy_(_allowed_tags(Ontology.from_dict(self.config.ontology)))
            self.pairs.tags.bias[0] = 3.0  # most words are no argument
            nn.init.constant_(cast(nn.Linear, self.trigger[-1]).bias, -4.0)  # events are rare: start from their base rate
            nn.init.constant_(self.sentence_values.bias, -3.0)
            nn.init.constant_(self.sentence_mix.weight, 0.5)
            nn.init.zeros_(self.sentence_mix.bias)

    @classmethod
    def from_encoder(
        cls, name_or_path: str | Path, *, ontology: Ontology | None = None, vectors: NDArray[Any] | None = None, **settings: Any
    ) -> AhdathModel:
        """A model with fresh heads on a pre-trained encoder.

        Args:
            name_or_path: hub name or folder of any `AutoModel` encoder.
            ontology: what to predict; the packaged one if None.
            vectors: lexical vectors, row i of stem i; Shape: (stems, size). None: no lexical features.
            settings: further keys of `AhdathConfig`.

        Raises:
            ModelError: the encoder cannot be read, or lacks weights other than a pooler.
        """
        try:
            inner = AutoConfig.from_pretrained(name_or_path)
            encoder, info = AutoModel.from_pretrained(name_or_path, output_loading_info=True, **_no_pooler(inner))
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # damaged files, weights of another shape
            raise ModelError(f"{name_or_path}: expected an encoder that AutoModel loads, found: {error}") from error
        missing = [key for key in info["missing_keys"] if "pooler" not in key and not key.endswith("position_ids")]
        if missing:
            raise ModelError(
                f"{name_or_path}: {len(missing)} weights of the encoder are missing ({', '.join(sorted(missing)[:3])} …); "
                "expected a complete checkpoint of this architecture"
            )
        if vectors is not None:
            settings |= {"lexicon_size": vectors.shape[0], "vector_size": vectors.shape[1]}
        limit = int(getattr(inner, "max_position_embeddings", 512))
        if inner.model_type in ("roberta", "xlm-roberta", "camembert"):
            limit -= 2  # these count positions from the padding id on
        settings["window_length"] = min(limit, settings.get("window_length") or 512)
        told = {key: value for key, value in inner.to_dict().items() if key != "_name_or_path"}  # a path on this machine
        config = AhdathConfig(
            encoder={**told, "model_type": inner.model_type, "dtype": "float32"},  # or heads and encoder differ
            ontology=(ontology or Ontology.default()).to_dict(),
            **settings,
        )
        model = cls(config)
        model.encoder.load_state_dict(encoder.state_dict())
        if vectors is not None:
            model.set_vectors(vectors)
        return model

    def set_vectors(self, vectors: NDArray[Any]) -> None:
        """Store lexical vectors as int8, one scale for all (they have unit mean square). Shape: (stems, size)."""
        table = torch.as_tensor(vectors, dtype=torch.float32)
        scale = table.abs().quantile(0.9999) / 127 if table.numel() < 1e7 else table.abs().max() * 0.6 / 127
        self.words.vectors[1:] = (table / scale).round().clamp(-127, 127).to(torch.int8)
        self.words.vector_scale.fill_(float(scale))

    def encode(
        self, input_ids: Tensor, attention_mask: Tensor, pieces: Tensor, word_mask: Tensor, token_type_ids: Tensor | None = None,
        rows: Tensor | None = None, affixes: Tensor | None = None, ngrams: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Word states of a batch of windows. Shape: (B, W, H), zero where `word_mask` is false."""
        extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state
        states: Tensor = self.words(hidden, pieces, word_mask, rows, affixes, ngrams)
        return states

    def word_heads(self, words: Tensor, word_mask: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Trigger (B, W, T), continuation (B, W) and sentence (B, S, T) logits from word states."""
        trigger = self.trigger(words)
        return trigger, self.continuation(words).squeeze(-1), self._sentences(words, trigger, word_mask, sentence)

    def _sentences(self, words: Tensor, trigger: Tensor, word_mask: Tensor, sentence: Tensor) -> Tensor:
        """A sentence has the types of its triggers: their noisy-or, corrected by attention over its words."""
        first = sentence.masked_fill(~word_mask, 10**6).amin(1, keepdim=True)
        local = (sentence - first).clamp(min=0)
        count = int(local.masked_fill(~word_mask, 0).max()) + 1
        inside = F.one_hot(local.clamp(max=count - 1), count).bool() & word_mask[..., None]  # (B, W, S)
        absent = F.logsigmoid(-trigger.detach().float()).clamp(min=-12)
        none = torch.einsum("bwt,bws->bst", absent, inside.to(absent.dtype)).clamp(max=-1e-4)
        some = torch.log(-torch.expm1(none)) - none  # logit of 1 - exp(none)
        score = self.sentence_attention(words).float().exp().clamp(max=1e4)[:, :, None] * inside[..., None]  # (B, W, S, T)
        value = self.sentence_values(words).float()
        pooled = (score * value[:, :, None]).sum(1) / score.sum(1).clamp(min=1e-6)
        mixed: Tensor = self.sentence_mix(torch.stack([some, pooled], -1)).squeeze(-1)
        return mixed

    def _with_predicted_types(self, trigger: Tensor, events: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Some gold types give way to what the trigger head says, as it will at inference; roles that the new
        type forbids become O."""
        best = trigger.detach()[events[:, 0], events[:, 1]].argmax(-1)
        swap = torch.rand(len(events), device=events.device) < self.predicted_triggers
        kinds = torch.where(swap, best, events[:, 2])
        fits = self.allowed[kinds].gather(1, labels.clamp(min=0))
        return torch.cat([events[:, :2], kinds[:, None]], -1), torch.where((labels >= 0) & ~fits, 0, labels)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, pieces: Tensor, word_mask: Tensor, sentence: Tensor,
        token_type_ids: Tensor | None = None, rows: Tensor | None = None, affixes: Tensor | None = None,
        ngrams: Tensor | None = None, events: Tensor | None = None, trigger_labels: Tensor | None = None,
        continuation_labels: Tensor | None = None, mention_labels: Tensor | None = None, sentence_labels: Tensor | None = None,
        attribute_labels: Tensor | None = None, argument_labels: Tensor | None = None,
    ) -> AhdathOutput:  # fmt: skip
        """All heads; with labels also the joint loss. `events` Shape: (E, 3) = window, first word of the trigger, type."""
        words = self.encode(input_ids, attention_mask, pieces, word_mask, token_type_ids, rows, affixes, ngrams)
        trigger, continuation, sentences = self.word_heads(words, word_mask, sentence)
        argument = attribute = None
        if events is not None and len(events):
            if self.training and argument_labels is not None:
                events, argument_labels = self._with_predicted_types(trigger, events, argument_labels)
            argument, attribute = self.pairs(words, word_mask, sentence, events)
            argument = argument.masked_fill(~self.allowed[events[:, 2]][:, None], -1e4)
        output = AhdathOutput(trigger=trigger, continuation=continuation, sentence=sentences, argument=argument,
                              attribute=attribute, words=words)  # fmt: skip
        if trigger_labels is None or continuation_labels is None or sentence_labels is None or mention_labels is None:
            return output
        losses = {
            "trigger": binary(trigger, trigger_labels, word_mask) * self.n_types,
            "continuation": binary(continuation, continuation_labels, word_mask),
            "sentence": binary(sentences, sentence_labels, (sentence_labels >= 0).all(-1)) * self.n_types,
            "mention": F.cross_entropy(self.mention(words).float().flatten(0, 1), mention_labels.flatten(), ignore_index=-100),
        }
        if not (argument is None or attribute is None or argument_labels is None or attribute_labels is None):
            losses["argument"] = sequence(argument.float(), argument_labels)
            if attribute.numel():  # none where every attribute of the ontology has one value
                losses["attribute"] = F.binary_cross_entropy_with_logits(attribute.float(), attribute_labels)
        output.losses = {name: loss.detach() for name, loss in losses.items()}
        output.loss = sum(self.config.loss_weights[name] * loss for name, loss in losses.items())
        return output


def _allowed_tags(ontology: Ontology) -> Tensor:
    """Which BIO tags each type admits. Shape: (T, 2R+1)."""
    rows = [[True] + [ontology.allows(name, role) for role in ontology.role_names for _ in "BI"] for name in ontology.type_names]
    return torch.tensor(rows)


def _no_pooler(config: PretrainedConfig) -> dict[str, bool]:
    """BERT-like encoders build a pooler that nothing here reads."""
    return {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta", "camembert") else {}


# So that AutoConfig, AutoModel and AutoTokenizer read a folder of ours as they read any other.
AutoConfig.register("ahdath", AhdathConfig, exist_ok=True)
AutoModel.register(AhdathConfig, AhdathModel, exist_ok=True)
