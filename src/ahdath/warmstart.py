"""A finished model as the start of another one: which of its weights keep their meaning under a new ontology.

`encoder: embedded` in a training YAML is the model that ships; a folder or hub name of any ahdath model does the same.
Encoder, word encoder and the inner layers of the heads are taken over as they are; of the last layers the rows of
those types, roles and attribute values that both ontologies name alike. A type of a new name starts from nothing, but
who, where and when (roles of the same name) are known to it. This module knows no data and no training loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, ModelError
from .ontology import Ontology

if TYPE_CHECKING:
    from .inference import EventExtractor
    from .modeling import AhdathConfig, AhdathModel
    from .training import TrainConfig

__all__ = ["KEEP", "adopted", "carry_over", "extractor_from", "is_model"]

KEEP = ("all", "words", "encoder")
"""How much of the model is kept: heads too; encoder and word encoder; the encoder and its stem vectors alone."""

_EMBEDDED = Path(__file__).parent / "models" / "embedded"
_VECTORS = ("words.vectors", "words.vector_scale")  # of pre-training: they belong to the encoder
_BY_TYPE = ("trigger.3.", "sentence_attention.", "sentence_values.", "pairs.kind.")
_BY_TAG = ("pairs.tags.",)
_BY_VALUE = ("pairs.values.3.",)


def _place(name: str) -> str | Path:
    return _EMBEDDED if name == "embedded" else name


def is_model(name: str) -> bool:
    """Whether `name` (`embedded`, a folder, a hub name) is an ahdath model rather than an encoder alone."""
    from transformers import AutoConfig

    from .modeling import AhdathConfig

    try:
        return isinstance(AutoConfig.from_pretrained(_place(name)), AhdathConfig)
    except (OSError, ValueError):
        return False  # no encoder either: AhdathModel.from_encoder says what is wrong with it


def adopted(settings: TrainConfig) -> TrainConfig:
    """The settings with what shapes the network as the model has it that they start from; unchanged for an encoder.

    Those keys are best left out of the YAML. Raises ConfigError for one that asks for another network.
    """
    if not is_model(settings.encoder):
        if settings.keep != KEEP[0]:
            raise ConfigError(f"keep {settings.keep}: expected an ahdath model as encoder, found {settings.encoder}, which has "
                              "no heads to keep; leave keep out")  # fmt: skip
        return settings
    from .modeling import AhdathConfig

    shape = _shape(AhdathConfig.from_pretrained(_place(settings.encoder)))
    usual = {field.name: field.default for field in fields(settings) if field.default is not MISSING}
    for key, own in shape.items():
        asked = getattr(settings, key)
        if asked not in (own, usual[key]):
            raise ConfigError(
                f"{key} {asked}: expected {own}, as the model {settings.encoder} has it; leave the key out, or start from "
                "an encoder"
            )
    return replace(settings, **shape)


def _shape(config: AhdathConfig) -> dict[str, Any]:
    names = ("spelling", "segmentation", "ngram_buckets", "window_length", "word_size", "context_size", "pair_size", "pooling")
    shape = {name: getattr(config, name) for name in names} | {"lexical_features": config.lexicon_size > 0}
    return shape | ({"vector_rows": config.lexicon_size} if config.lexicon_size else {})


def extractor_from(settings: TrainConfig, ontology: Ontology) -> EventExtractor:
    """An extractor for `ontology` that starts from the model `settings.encoder` names, as `settings.keep` says.

    Raises ModelError where that model cannot be read.
    """
    from .inference import EventExtractor
    from .modeling import AhdathConfig, AhdathModel
    from .tokenization import WordTokenizer

    donor = EventExtractor.from_pretrained(_place(settings.encoder), runtime="torch")
    old = donor.model.config
    names = ("encoder", "spelling", "segmentation", "window_length", "lexicon_size", "vector_size", "ngram_buckets",
             "ngram_size", "word_size", "context_size", "pair_size", "pooling")  # fmt: skip
    config = AhdathConfig(
        ontology=ontology.to_dict(), dropout=settings.dropout, loss_weights=settings.loss_weights,
        **{name: getattr(old, name) for name in names},
    )  # fmt: skip
    model = AhdathModel(config)
    carry_over(donor.model, model, keep=settings.keep)
    pieces = donor.tokenizer
    tokenizer = WordTokenizer(
        pieces.tokenizer, max_length=config.window_length, spelling=config.spelling, lexicon=pieces.lexicon
    )
    return EventExtractor(model, tokenizer, name=Path(settings.output).name)


def carry_over(donor: AhdathModel, model: AhdathModel, *, keep: str = "all") -> None:
    """Copy into `model`, which has the same shape but for its ontology, what of `donor` means the same there.

    With `keep` "all" a model for {Conflict.Attack (هجوم): Agent, Place; Match (مباراة): Place} gets the trigger row of
    Conflict.Attack and the tags of both roles; the row of Match stays as it was drawn. Raises ModelError for weights
    that do not fit.
    """
    import torch

    old, new = (Ontology.from_dict(one.config.ontology) for one in (donor, model))
    rows = {
        _BY_TYPE: _alike(old.type_names, new.type_names),
        _BY_TAG: _alike(_tags(old), _tags(new)),
        _BY_VALUE: _alike(_values(old), _values(new)),
    }
    source = donor.state_dict()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name == "allowed" or not _kept(name, keep):  # which roles a type has is the ontology's matter
                continue
            given = source.get(name)
            pairs = next((found for heads, found in rows.items() if name.startswith(heads)), None)
            if given is None or given.shape[pairs is not None :] != tensor.shape[pairs is not None :]:
                found = "none" if given is None else tuple(given.shape)
                raise ModelError(f"{name}: expected weights of the shape {tuple(tensor.shape)}, found {found}; start "
                                 "from a model of this version")  # fmt: skip
            if pairs is None:
                tensor.copy_(given)
            elif pairs:
                at, of = (list(side) for side in zip(*pairs, strict=True))
                tensor[at] = given[of].to(tensor.dtype)


def _kept(name: str, keep: str) -> bool:
    if keep == "encoder":
        return name.startswith("encoder.") or name in _VECTORS
    return keep == "all" or name.startswith(("encoder.", "words."))


def _alike(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int, int]]:
    """(row in the new model, row in the old one) of all that both have."""
    places = {name: row for row, name in enumerate(old)}
    return [(row, places[name]) for row, name in enumerate(new) if name in places]


def _tags(ontology: Ontology) -> list[str]:
    return ["O", *(f"{mark} {role}" for role in ontology.role_names for mark in "BI")]


def _values(ontology: Ontology) -> list[tuple[str, str]]:
    return [(name, value) for name, values in ontology.attributes.items() for value in values[1:]]
