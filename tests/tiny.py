"""What several tests share: a tokenizer of single letters built in memory, and gold labels read back as events."""

from __future__ import annotations

from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ahdath import decoding
from ahdath.labels import label_window
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.tokenization import Window, WordTokenizer

LETTERS = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي0123456789."
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary(*whole: str) -> list[str]:
    """Special tokens, letters as first and as later pieces, then whole words."""
    return [*SPECIALS, *LETTERS, *("##" + letter for letter in LETTERS), *whole]


def tiny_tokenizer(*whole: str) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer in which a word is its letters, unless it is one of `whole`."""
    ids = {piece: number for number, piece in enumerate(vocabulary(*whole))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=10_000))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def oracle(document: Document, tokenizer: WordTokenizer, ontology: Ontology) -> tuple[Document, int]:
    """The events that a perfect model would give, gold -> labels -> decoder; and the arguments that labels lost."""
    events: list[Event] = []
    lost = 0
    for window in tokenizer.windows(document.text)[0]:
        found, missed = _window_events(document, window, ontology)
        events += found
        lost += missed
    return Document(document.text, events, document.sentences, document.id), lost


def _window_events(document: Document, window: Window, ontology: Ontology) -> tuple[list[Event], int]:
    labels = label_window(window, document, ontology)
    keep = np.array(window.owned)
    triggers = decoding.decode_triggers(labels.trigger, labels.continuation, 0.5, keep)
    if not triggers:
        return [], labels.lost
    told = {(event.first, event.type): event for event in labels.events}
    gold = [told[trigger.first, trigger.type] for trigger in triggers]
    allowed = [[ontology.allows(ontology.type_names[t.type], role) for role in ontology.role_names] for t in triggers]
    tags = decoding.allowed_tags(np.array(allowed))
    logits = np.stack([10 * np.eye(tags.shape[1])[event.tags] for event in gold])
    roles = decoding.decode_arguments(logits, tags, [len(window.spans)] * len(gold))
    sizes = [len(values) for values in ontology.attributes.values()]
    chosen = decoding.decode_attributes(np.stack([2 * event.attributes - 1 for event in gold]), sizes)

    def span(first: int, last: int) -> Span:
        return Span.of(document.text, window.spans[first][0], window.spans[last - 1][1])

    events = []
    for trigger, spans, values in zip(triggers, roles, chosen, strict=True):
        arguments = tuple(Argument(ontology.role_names[s.role], span(s.first, s.last)) for s in spans)
        attributes: dict[str, Any] = {
            name: names[value] for (name, names), value in zip(ontology.attributes.items(), values, strict=True)
        }
        place = span(trigger.first, trigger.last)
        events.append(Event(ontology.type_names[trigger.type], place, arguments, **attributes))
    return events, labels.lost
