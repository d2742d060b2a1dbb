"""The model card: the README.md of a model folder, as the Hugging Face hub shows it.

Made from what the config holds, so that it cannot disagree with the model. This module knows no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .modeling import AhdathConfig
    from .ontology import Ontology

__all__ = ["model_card"]

_CARD = """\
---
language: ar
library_name: ahdath
pipeline_tag: token-classification
tags:
- event-extraction
- arabic
- news
---

# {name}

Reads Arabic paragraphs and returns their events: type, trigger, arguments, polarity and modality, each with
character offsets into the text as given. A model of [ahdath](https://github.com/ahdath/ahdath).

```python
from ahdath import EventExtractor

extractor = EventExtractor.from_pretrained("{name}")
for event in extractor.classify("قصفت القوات السورية مدينة تلبيسة أمس.").events:
    print(event.type, event.trigger.text, [(a.role, a.span.text) for a in event.arguments])
```

## What it is made of

- Encoder: {encoder}, up to {window} pieces at once; longer paragraphs are read in overlapping windows.
- Words: spelled by `{spelling}`{features}; a BiLSTM of {context} dimensions; four heads (triggers, arguments,
  attributes, sentences).
- Triggers count from a probability of {threshold:.2f} on (calibrated with temperature {temperature:.2f});
  `classify(text, threshold=…)` asks for another.

## What it predicts

Ontology `{digest}`: {types} event types, {roles} roles.

{table}
"""


def model_card(config: AhdathConfig, ontology: Ontology, name: str) -> str:
    """The text of README.md for a model of this config.

    >>> card = model_card(config, Ontology.default(), "my-model")                          # doctest: +SKIP
    >>> card.splitlines()[10]                                                              # doctest: +SKIP
    '# my-model'
    """
    encoder = config.encoder or {}
    rows = [f"| {t.name} | {t.ar} | {', '.join(t.roles)} |" for t in ontology.types.values()]
    return _CARD.format(
        name=name or "ahdath-model",
        encoder=f"{encoder.get('model_type', 'unknown')}, {encoder.get('num_hidden_layers', '?')} layers of "
        f"{encoder.get('hidden_size', '?')} dimensions",
        window=config.window_length,
        spelling=config.spelling,
        features=f", cut into stem and affixes, with {config.lexicon_size:,} stem vectors" if config.segmentation else "",
        context=config.context_size,
        threshold=config.threshold,
        temperature=config.trigger_temperature,
        digest=ontology.digest,
        types=len(ontology.types),
        roles=len(ontology.roles),
        table="\n".join(["| type | in Arabic | roles |", "|---|---|---|", *rows]),
    )
