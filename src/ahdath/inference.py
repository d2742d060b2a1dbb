"""Plain strings -> Documents: `EventExtractor`, and `classify` with the embedded default.

Paragraphs are read independently of each other, so a paragraph has the same events alone and inside a file.
Windows of many texts are batched by length; memory is bounded by the look-ahead, not by the input.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from . import decoding, text
from .card import model_card
from .errors import ConfigError, DataError, ModelError
from .lexicon import StemLexicon
from .ontology import Ontology
from .schema import Argument, Document, Event, Sentence, Span
from .tokenization import Window, WordTokenizer, collate, word_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .modeling import AhdathModel

__all__ = ["EventExtractor", "classify", "classify_many", "default_extractor"]

#: A paragraph of more characters is read in pieces, cut at a sentence end: it bounds the memory of one step.
_BLOCK = 20_000
_EMBEDDED = Path(__file__).parent / "models" / "embedded"


@dataclass
class _Found:
    """What the network says of one window, in words of the window."""

    triggers: list[decoding.Trigger] = field(default_factory=list)
    roles: list[list[decoding.RoleSpan]] = field(default_factory=list)
    attributes: NDArray[Any] | None = None
    sentences: NDArray[Any] | None = None


@dataclass
class _Block:
    """One paragraph of a text: where it starts, its sentences, its windows and what was found in each."""

    start: int
    borders: list[tuple[int, int]]
    windows: list[Window]
    found: list[_Found | None]


#: Events and sentences of one paragraph, in characters of the text.
_Read = tuple[list[Event], list[Sentence]]


class EventExtractor:
    """Reads Arabic paragraphs and returns their events.

    >>> extractor = EventExtractor.from_pretrained()                                      # doctest: +SKIP
    >>> document = extractor.classify("قصفت القوات السورية مدينة تلبيسة أمس.")             # doctest: +SKIP
    >>> document.events[0].type, document.events[0].trigger.text                          # doctest: +SKIP
    ('Conflict.Attack', 'قصفت')
    """

    def __init__(self, model: AhdathModel, tokenizer: WordTokenizer, *, name: str = "", dtype: str = "float32") -> None:
        if dtype not in ("float32", "bfloat16"):
            raise ConfigError(f"dtype {dtype!r}: expected 'float32' or 'bfloat16'")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.ontology = Ontology.from_dict(model.config.ontology)
        self.name = name
        self.dtype = dtype
        kinds = [self.ontology.types[name] for name in self.ontology.type_names]
        self._tags = decoding.allowed_tags(
            np.array([[role in kind.roles for role in self.ontology.role_names] for kind in kinds], bool)
        )

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path | None = None, *, dtype: str = "float32") -> EventExtractor:
        """Load a model folder or hub name; None loads the embedded default.

        Raises:
            ModelError: the folder is missing, damaged or no ahdath model.
        """
        from transformers import AutoTokenizer

        from .modeling import AhdathConfig, AhdathModel

        path = _EMBEDDED if name_or_path is None else name_or_path
        local = isinstance(path, Path) or path.startswith((".", "/", "~")) or path.count("/") > 1 or Path(path).is_dir()
        if local and not (Path(path) / "config.json").exists():
            raise ModelError(f"{path}: expected a model folder with config.json, found none; check the path")
        try:
            config = AhdathConfig.from_pretrained(path)
            model, told = AhdathModel.from_pretrained(path, config=config, dtype="float32", output_loading_info=True)
            pieces = AutoTokenizer.from_pretrained(path, config=config)
        except ModelError:
            raise
        except Exception as error:  # transformers raises many kinds for one cause: the files are not a model
            raise ModelError(f"{path}: expected an ahdath model (config, tokenizer, safetensors), found: {error}") from error
        if told["missing_keys"]:
            raise ModelError(f"{path}: expected all weights of the model, found none for {sorted(told['missing_keys'])[:3]}; "
                             "the file is damaged or of another version: save or download the model again")  # fmt: skip
        lexicon = StemLexicon.load(_file(path, "lexicon.json")) if config.segmentation else None
        tokenizer = WordTokenizer(pieces, max_length=config.window_length, spelling=config.spelling, lexicon=lexicon)
        name = "embedded" if name_or_path is None else Path(str(path)).name
        return cls(model, tokenizer, name=name, dtype=dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, weights (safetensors), tokenizer and stem lexicon so that `from_pretrained` reads them.

        A model card is generated beside them where the folder has no README.md.
        """
        self.model.save_pretrained(folder)
        self.tokenizer.tokenizer.save_pretrained(folder)
        if self.tokenizer.lexicon is not None:
            self.tokenizer.lexicon.save(Path(folder) / "lexicon.json")
        card = Path(folder) / "README.md"
        if not card.exists():
            card.write_text(model_card(self.model.config, self.ontology, self.name), encoding="utf-8")

    def push_to_hub(self, repo_id: str, *, private: bool | None = None) -> str:
        """Upload all that `save_pretrained` writes to a repository of the Hugging Face hub; returns its address."""
        from huggingface_hub import HfApi

        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            repository = HfApi().create_repo(repo_id, private=private, exist_ok=True)
            HfApi().upload_folder(repo_id=repository.repo_id, folder_path=folder)
        return str(repository)

    def classify(
        self, text: str, *, threshold: float | None = None, types: Collection[str] | None = None, sentences_only: bool = False
    ) -> Document:
        """The events of a text of any length, with offsets into it as given.

        Args:
            text: one or more paragraphs.
            threshold: lowest trigger probability, in place of the model's own.
            types: keep these event types only.
            sentences_only: fill `sentences` and `types`, leave `events` empty: a fast filter.

        Raises:
            DataError: `text` is no string. OntologyError: an unknown type. ConfigError: threshold outside 0 … 1.
        """
        _require_text(text)
        return next(self.classify_many([text], threshold=threshold, types=types, sentences_only=sentences_only))

    def classify_many(
        self, texts: Iterable[str], *, batch_size: int = 16, threshold: float | None = None,
        types: Collection[str] | None = None, sentences_only: bool = False,
    ) -> Iterator[Document]:  # fmt: skip
        """`classify` for a stream of texts, in order; reads ahead a few batches to fill them with equal lengths."""
        if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
            hint = "use classify(text)" if isinstance(texts, str) else "pass a list or another iterable of str"
            raise DataError(f"texts: expected an iterable of strings, found {type(texts).__name__}; {hint}")
        if batch_size < 1:
            raise ConfigError(f"batch_size {batch_size}: expected 1 or more")
        limits, wanted = self._thresholds(threshold, types)
        return self._stream(texts, batch_size, limits, wanted, sentences_only)

    def with_gold_triggers(self, documents: Sequence[Document], *, batch_size: int = 16) -> list[Document]:
        """Arguments and attributes of the given triggers and types: what the argument head can do by itself."""
        result = []
        for document in documents:
            blocks = list(self._blocks(document.text))
            given = []
            for block in blocks:
                for number, window in enumerate(block.windows):
                    triggers = self._given(document, block, window)
                    block.found[number] = _Found(triggers=triggers)
                    given.append((block, number))
            for at in range(0, len(given), batch_size):
                chunk = given[at : at + batch_size]
                self._run([(b.windows[n], b, n) for b, n in chunk], None, False, [b.found[n] for b, n in chunk])
            everything = set(self.ontology.type_names)
            made = self._document(document.text, [self._read(document.text, b, everything, False) for b in blocks])
            result.append(replace(made, id=document.id, meta=document.meta))
        return result

    def _given(self, document: Document, block: _Block, window: Window) -> list[decoding.Trigger]:
        triggers = []
        low, high = window.spans[0][0], window.spans[-1][1]
        for event in document.events:
            start, end = event.trigger.start - block.start, event.trigger.end - block.start
            if low <= start < high:
                first, last = word_span(window.spans, start, min(end, high))
                if window.owned[first]:
                    triggers.append(decoding.Trigger(first, last, self.ontology.type_id(event.type), 1.0))
        return triggers

    def _thresholds(self, threshold: float | None, types: Collection[str] | None) -> tuple[NDArray[Any], set[str]]:
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigError(f"threshold {threshold}: expected a probability between 0 and 1")
        if isinstance(types, str):
            raise ConfigError(f"types: expected a collection of event types, found the string {types!r}; write [{types!r}]")
        names = self.ontology.type_names
        chosen = set(names if types is None else types)
        for name in chosen:
            self.ontology.type_id(name)
        config = self.model.config
        own = [config.type_thresholds.get(name, config.threshold) for name in names]
        limits = np.array(own if threshold is None else [threshold] * len(names), float)
        return limits, chosen

    def _stream(
        self, texts: Iterable[str], batch_size: int, limits: NDArray[Any], wanted: set[str], sentences_only: bool
    ) -> Iterator[Document]:
        ahead: deque[tuple[str, list[_Read]]] = deque()
        unread: list[tuple[str, list[_Read], _Block]] = []
        waiting: list[tuple[Window, _Block, int]] = []

        def flush() -> None:
            """Run all that waits; what is read gives up its windows, which are far larger than events."""
            waiting.sort(key=lambda job: len(job[0].input_ids))
            for at in range(0, len(waiting), batch_size):
                self._run(waiting[at : at + batch_size], limits, sentences_only)
            for string, reads, block in unread:
                reads.append(self._read(string, block, wanted, sentences_only))
            waiting.clear()
            unread.clear()

        for string in texts:
            _require_text(string)
            ahead.append((string, []))
            for block in self._blocks(string):
                unread.append((*ahead[-1], block))
                waiting.extend((window, block, number) for number, window in enumerate(block.windows))
                if len(waiting) >= 16 * batch_size:
                    flush()
            if not waiting or len(ahead) >= 16 * batch_size:
                flush()
                while ahead:
                    yield self._document(*ahead.popleft())
        flush()
        while ahead:
            yield self._document(*ahead.popleft())

    def _blocks(self, string: str) -> Iterator[_Block]:
        for start, end in text.paragraphs(string):
            while start < end:
                stop = _stop(string, start, end)
                windows, borders = self.tokenizer.windows(string[start:stop])
                yield _Block(start, borders, windows, [None] * len(windows))
                start = stop

    def _run(
        self, jobs: Sequence[tuple[Window, _Block, int]], limits: NDArray[Any] | None, sentences_only: bool,
        given: Sequence[_Found | None] = (),
    ) -> None:  # fmt: skip
        """One batch through encoder and heads; the results go into the blocks. `given` replaces found triggers."""
        import torch

        arrays = collate([window for window, _, _ in jobs], self.tokenizer.tokenizer.pad_token_id or 0)
        device = self.model.device
        tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        sentence, mask = tensors.pop("sentence"), tensors["word_mask"]
        half = torch.autocast(device.type, torch.bfloat16, enabled=self.dtype == "bfloat16")
        with torch.inference_mode(), half:
            states = self.model.encode(**tensors)
            trigger, continuation, types = (t.float().cpu().numpy() for t in self.model.word_heads(states, mask, sentence))
            scores = decoding.sigmoid(trigger / self.model.config.trigger_temperature)
            goes_on, types = decoding.sigmoid(continuation), decoding.sigmoid(types)
            events: list[tuple[int, int, int]] = []
            for row, (window, block, number) in enumerate(jobs):
                count = len(window.spans)
                found = given[row] if given else _Found()
                assert found is not None  # noqa: S101  with_gold_triggers fills every place
                if not given and not sentences_only and limits is not None:
                    keep = np.array(window.owned)
                    found.triggers = decoding.decode_triggers(scores[row, :count], goes_on[row, :count], limits, keep)
                found.sentences = types[row, : window.sentence[-1] - window.sentence[0] + 1]
                block.found[number] = found
                events.extend((row, t.first, t.type) for t in found.triggers)
            if events:
                self._read_arguments(jobs, states, mask, sentence, np.array(events))

    def _read_arguments(self, jobs: Sequence[tuple[Window, _Block, int]], states: Any, mask: Any, sentence: Any,
                        events: NDArray[Any]) -> None:  # fmt: skip
        import torch

        logits, values = [], []
        for at in range(0, len(events), 256):
            event = torch.from_numpy(events[at : at + 256]).to(states.device)
            argument, attribute = self.model.pairs(states, mask, sentence, event)
            logits.append(argument.float().cpu().numpy() / self.model.config.argument_temperature)
            values.append(attribute.float().cpu().numpy())
        lengths = [len(jobs[row][0].spans) for row in events[:, 0]]
        roles = decoding.decode_arguments(np.concatenate(logits), self._tags[events[:, 2]], lengths)
        chosen = decoding.decode_attributes(np.concatenate(values), self.model.attribute_sizes)
        for row, (_, block, number) in enumerate(jobs):
            found = block.found[number]
            mine = np.flatnonzero(events[:, 0] == row)
            if found is not None and len(mine):
                found.roles = [roles[i] for i in mine]
                found.attributes = chosen[mine]

    def _read(self, string: str, block: _Block, wanted: set[str], sentences_only: bool) -> _Read:
        """Events and sentences of a block whose windows have run."""
        events = [] if sentences_only else self._events(string, block, wanted)
        sentences = []
        limit = self.model.config.sentence_threshold
        for (a, b), scores in zip(block.borders, self._sentence_scores(block), strict=True):
            start, end = block.start + a, block.start + b
            inside = {e.type for e in events if start <= e.trigger.start < end}
            rounded = scores.astype(float).round(4).tolist()
            said = {n: s for n, s in zip(self.ontology.type_names, rounded, strict=True) if n in wanted}
            types = tuple(n for n, s in said.items() if s >= limit or n in inside)
            kept = {n: s for n, s in said.items() if n in types or s >= 0.05}
            sentences.append(Sentence(start, end, string[start:end], types, kept))
        return events, sentences

    def _document(self, string: str, reads: Sequence[_Read]) -> Document:
        events = [event for found, _ in reads for event in found]
        sentences = [sentence for _, found in reads for sentence in found]
        overall: dict[str, float] = {}
        for sentence in sentences:
            for name, score in (sentence.scores or {}).items():
                overall[name] = max(overall.get(name, 0.0), score)
        events.sort(key=lambda e: (e.trigger.start, e.trigger.end, self.ontology.type_id(e.type)))
        return Document(
            string, tuple(events), tuple(sentences), model=self.name or None, ontology=self.ontology.digest, types=overall
        )

    def _sentence_scores(self, block: _Block) -> list[NDArray[Any]]:
        """Type probabilities of each sentence, from the window that holds most of it."""
        best = [0] * len(block.borders)
        scores = [np.zeros(len(self.ontology.type_names))] * len(block.borders)
        for window, found in zip(block.windows, block.found, strict=True):
            for number in range(window.sentence[0], window.sentence[-1] + 1):
                size = window.sentence.count(number)
                if size > best[number] and found is not None and found.sentences is not None:
                    best[number], scores[number] = size, found.sentences[number - window.sentence[0]]
        return scores

    def _events(self, string: str, block: _Block, wanted: set[str]) -> list[Event]:
        made = []
        attributes = list(self.ontology.attributes.items())
        for window, found in zip(block.windows, block.found, strict=True):
            if found is None:
                continue
            for number, trigger in enumerate(found.triggers):
                name = self.ontology.type_names[trigger.type]
                if name not in wanted:
                    continue
                arguments = tuple(
                    Argument(self.ontology.role_names[r.role], _span(string, block, window, r.first, r.last), round(r.score, 4))
                    for r in found.roles[number]
                )
                chosen = found.attributes[number] if found.attributes is not None else [0] * len(attributes)
                values = {key: names[value] for (key, names), value in zip(attributes, chosen, strict=True)}
                span = _span(string, block, window, trigger.first, trigger.last)
                modality, polarity = values.get("modality", "asserted"), values.get("polarity", "positive")
                score = round(trigger.score, 4)
                made.append(Event(name, span, arguments, modality, polarity, score, self.ontology))
        return made


def _span(string: str, block: _Block, window: Window, first: int, last: int) -> Span:
    start, end = block.start + window.spans[first][0], block.start + window.spans[last - 1][1]
    return Span(start, end, string[start:end])


def _stop(string: str, start: int, end: int) -> int:
    """Where a block that starts at `start` ends: the paragraph's end, or a sentence or word end before the limit."""
    if end - start <= _BLOCK:
        return end
    piece = string[start : start + _BLOCK]
    inner = text.sentences(piece)
    if len(inner) > 1:
        return start + inner[-1][0]
    tokens = text.words(piece)
    return start + tokens[-1][0] if len(tokens) > 1 else start + _BLOCK


def _require_text(value: object) -> None:
    if not isinstance(value, str):
        hint = "decode bytes first: data.decode('utf-8')" if isinstance(value, bytes | bytearray) else "pass a str"
        raise DataError(f"text: expected str, found {type(value).__name__}; {hint}")


def _file(path: str | Path, name: str) -> Path:
    """A file of a model: from its folder, or from the hub where `path` is a name."""
    local = Path(path) / name
    if local.exists() or Path(path).is_dir():
        return local
    from transformers.utils import cached_file

    return Path(str(cached_file(str(path), name)))


_lock = threading.Lock()
_default: EventExtractor | None = None


def default_extractor() -> EventExtractor:
    """The embedded default, loaded once."""
    global _default
    if _default is None:
        with _lock:
            if _default is None:
                _default = EventExtractor.from_pretrained()
    return _default


def classify(
    text: str, *, threshold: float | None = None, types: Collection[str] | None = None, sentences_only: bool = False
) -> Document:
    """The events of an Arabic text, read by the embedded default model. See `EventExtractor.classify`."""
    _require_text(text)
    return default_extractor().classify(text, threshold=threshold, types=types, sentences_only=sentences_only)


def classify_many(
    texts: Iterable[str], *, batch_size: int = 16, threshold: float | None = None, types: Collection[str] | None = None,
    sentences_only: bool = False,
) -> Iterator[Document]:  # fmt: skip
    """`classify` for many texts, streaming and in order. See `EventExtractor.classify_many`."""
    return default_extractor().classify_many(
        texts, batch_size=batch_size, threshold=threshold, types=types, sentences_only=sentences_only
    )
