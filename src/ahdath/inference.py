"""Plain strings -> Documents: `EventExtractor`, and `classify` with the embedded default.

Paragraphs are read independently of each other, so a paragraph has the same events alone and inside a file.
Windows of many texts are batched by length; memory is bounded by the look-ahead, not by the input.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from . import decoding, text
from .answers import Answers, Block, Found, Pending, given_triggers
from .card import model_card
from .checks import is_number
from .errors import ConfigError, DataError, ModelError, shown
from .ontology import Ontology
from .runtime import Engine
from .runtime.batching import batches, overlapped
from .runtime.loading import load
from .runtime.onnx_engine import FILES, WEIGHTS, OnnxEngine
from .runtime.openvino_engine import OPENVINO_FILES
from .runtime.torch_engine import TorchEngine
from .schema import Document
from .tokenization import Window, WordTokenizer, collate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .modeling import AhdathModel
    from .runtime import ModelSettings, WordScores

__all__ = ["EventExtractor", "classify", "classify_many", "default_extractor"]

#: A paragraph of more characters is read in pieces, cut at a sentence end: it bounds the memory of one step.
_BLOCK = 20_000
_BATCH = 16
#: Windows of so many batches are on their way at once, one half being read, the other being made.
_AHEAD = 16
_EMBEDDED = Path(__file__).parent / "models" / "embedded"


#: A window with the place in its block where the answer goes.
_Job = tuple[Window, Block, int]
#: Blocks, each with the text that it is of.
_Chunk = list[tuple[Pending, Block]]


class EventExtractor:
    """Reads Arabic paragraphs and returns their events.

    Args:
        model: a model of this library, or an engine of `ahdath.runtime` that runs one.
        dtype: what torch computes in, "float32" or "bfloat16"; engines know that themselves.

    >>> extractor = EventExtractor.from_pretrained()                                      # doctest: +SKIP
    >>> document = extractor.classify("قصفت القوات السورية مدينة تلبيسة أمس.")             # doctest: +SKIP
    >>> document.events[0].type, document.events[0].trigger.text                          # doctest: +SKIP
    ('Conflict.Attack', 'قصفت')
    """

    def __init__(
        self, model: AhdathModel | Engine, tokenizer: WordTokenizer, *, name: str = "", dtype: str = "float32"
    ) -> None:
        self.engine: Engine = model if isinstance(model, Engine) else TorchEngine(model, dtype=dtype)
        self.tokenizer = tokenizer
        self.ontology = Ontology.from_dict(self.config.ontology)
        self.name = name
        kinds = [self.ontology.types[name] for name in self.ontology.type_names]
        self._tags = decoding.allowed_tags(
            np.array([[role in kind.roles for role in self.ontology.role_names] for kind in kinds], bool)
        )
        self._answers = Answers(self.ontology, self.config, name)

    @property
    def config(self) -> ModelSettings:
        """The model's config: thresholds, temperatures, what it reads."""
        return self.engine.config

    @property
    def model(self) -> AhdathModel:
        """The torch model. Raises ModelError where another engine runs: it has none that could be trained or changed."""
        if not isinstance(self.engine, TorchEngine):
            raise ModelError(f"model: expected an extractor on torch, found {type(self.engine).__name__}; "
                             "load it with from_pretrained(…, runtime='torch')")  # fmt: skip
        model: AhdathModel = self.engine.model
        return model

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path | None = None, *, runtime: str = "auto", dtype: str | None = None, compiled: bool = False
    ) -> EventExtractor:
        """Load a model folder or hub name; None loads the embedded default.

        Args:
            runtime: "torch" runs the weights; "int8" the exported graphs of the folder (`ahdath export`), faster on a CPU
                and without torch; "auto" takes the graphs where they are and nothing below asks for torch.
            dtype: torch computes in "float32" or "bfloat16".
            compiled: torch.compile the encoder: slow to start, worth it for many texts on a GPU.

        Raises:
            ModelError: the folder is missing, damaged or no ahdath model. ConfigError: options that cannot be.
        """
        path = _EMBEDDED if name_or_path is None else name_or_path
        engine, tokenizer = load(path, runtime=runtime, dtype=dtype, compiled=compiled)
        return cls(engine, tokenizer, name="embedded" if name_or_path is None else Path(str(path)).name)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, weights (safetensors), tokenizer and stem lexicon so that `from_pretrained` reads them.

        A model card is generated beside them where the folder has no README.md. An exported model is copied as it is.
        """
        if isinstance(self.engine, OnnxEngine):
            self.engine.copy(folder)
            return
        self.model.save_pretrained(folder)
        for name in (*FILES, *OPENVINO_FILES, WEIGHTS):  # of what lay there before
            (Path(folder) / name).unlink(missing_ok=True)
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
        least, wanted = self._asked(threshold, types)
        return next(self._stream([text], _BATCH, least, wanted, sentences_only, workers=0))

    def classify_many(
        self, texts: Iterable[str], *, batch_size: int = _BATCH, threshold: float | None = None,
        types: Collection[str] | None = None, sentences_only: bool = False,
    ) -> Iterator[Document]:  # fmt: skip
        """`classify` for a stream of texts, in order; reads ahead a few batches to fill them with equal lengths.

        `batch_size` counts paragraphs of some 80 words: shorter ones share the room of one, longer ones take that of several.
        """
        if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
            hint = "use classify(text)" if isinstance(texts, str) else "pass a list or another iterable of str"
            raise DataError(f"texts: expected an iterable of strings, found {type(texts).__name__}; {hint}")
        if isinstance(texts, Mapping) or hasattr(texts, "columns"):  # iterates over the names of its columns
            raise DataError(f"texts: expected an iterable of strings, found {type(texts).__name__}; pass one column, as frame['text']")
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise ConfigError(f"batch_size {shown(batch_size)}: expected 1 or more, a whole number")
        least, wanted = self._asked(threshold, types)
        return self._stream(texts, batch_size, least, wanted, sentences_only, workers=self.engine.workers)

    def with_gold_triggers(self, documents: Sequence[Document], *, batch_size: int = 16) -> list[Document]:
        """Arguments and attributes of the given triggers and types: what the argument head can do by itself."""
        result = []
        for document in documents:
            blocks = list(self._blocks(document.text))
            given = []
            for block in blocks:
                for number, window in enumerate(block.windows):
                    triggers = given_triggers(document, block, window, self.ontology)
                    block.found[number] = Found(triggers=triggers)
                    given.append((block, number))
            for at in range(0, len(given), batch_size):
                chunk = given[at : at + batch_size]
                self._run([(b.windows[n], b, n) for b, n in chunk], None, False, [b.found[n] for b, n in chunk])
            everything = set(self.ontology.type_names)
            made = self._answers.document(document.text, [self._answers.read(document.text, b, everything, False) for b in blocks])
            result.append(replace(made, id=document.id, meta=document.meta))
        return result

    def _asked(self, threshold: float | None, types: Collection[str] | None) -> tuple[float, set[str]]:
        """The lowest probability of a trigger that counts, and the types that are wanted."""
        if threshold is not None and not (is_number(threshold) and 0 <= threshold <= 1):
            raise ConfigError(f"threshold {shown(threshold)}: expected a probability between 0 and 1")
        if isinstance(types, str):
            raise ConfigError(f"types: expected a collection of event types, found the string {types!r}; write [{types!r}]")
        if types is not None and not isinstance(types, Iterable):
            raise ConfigError(f"types: expected a collection of event types, found {shown(types)}")
        chosen = set(self.ontology.type_names if types is None else types)
        for name in chosen:
            self.ontology.type_id(name)
        return self.config.threshold if threshold is None else threshold, chosen

    def _stream(
        self, texts: Iterable[str], batch_size: int, least: float, wanted: set[str], sentences_only: bool, *,
        workers: int,
    ) -> Iterator[Document]:
        ahead: deque[Pending] = deque()
        size = min(batch_size, self.engine.room)

        def jobs(chunk: _Chunk) -> list[list[_Job]]:
            every = [(window, block, number) for _, block in chunk for number, window in enumerate(block.windows)]
            return [[every[i] for i in group] for group in batches([len(job[0].input_ids) for job in every], size)]

        def run(batch: list[_Job]) -> None:
            self._run(batch, least, sentences_only)

        for chunk in overlapped(self._chunks(texts, ahead, _AHEAD // 2 * batch_size), jobs, run, workers=workers):
            for of, block in chunk:
                of.reads.append(self._answers.read(of.string, block, wanted, sentences_only))
                of.missing -= 1
            while ahead and ahead[0].whole and not ahead[0].missing:
                done = ahead.popleft()
                yield self._answers.document(done.string, done.reads)

    def _chunks(self, texts: Iterable[str], ahead: deque[Pending], size: int) -> Iterator[_Chunk]:
        """Blocks of the texts, `size` windows or texts at a time, at first fewer; the texts go to `ahead` in their order.

        A text without words waits for none. An error of the iterable is raised when all before it has been given.
        """
        chunk: _Chunk = []
        count = begun = 0
        enough = max(size // 4, 1)  # whoever reads should not wait for long
        try:
            for string in texts:
                _require_text(string)
                ahead.append(Pending(string))
                begun += 1
                for block in self._blocks(string):
                    if count >= enough:
                        yield chunk
                        chunk, count, begun, enough = [], 0, 1, min(2 * enough, size)
                    chunk.append((ahead[-1], block))
                    ahead[-1].missing += 1
                    count += len(block.windows)
                ahead[-1].whole = True
                if not count or count >= enough or begun >= enough:
                    yield chunk
                    chunk, count, begun, enough = [], 0, 0, min(2 * enough, size)
        except Exception:
            yield chunk
            raise
        yield chunk

    def _blocks(self, string: str) -> Iterator[Block]:
        for start, end in text.paragraphs(string):
            while start < end:
                stop = _stop(string, start, end)
                windows, borders = self.tokenizer.windows(string[start:stop])
                yield Block(start, borders, windows, [None] * len(windows))
                start = stop

    def _run(
        self, jobs: Sequence[_Job], least: float | None, sentences_only: bool,
        given: Sequence[Found | None] = (),
    ) -> None:  # fmt: skip
        """One batch through encoder and heads; the results go into the blocks. `given` replaces found triggers."""
        arrays = collate([window for window, _, _ in jobs], self.tokenizer.tokenizer.pad_token_id or 0)
        said = self.engine.read_words(arrays)
        scores = decoding.sigmoid(said.trigger / self.config.trigger_temperature)
        goes_on, types = decoding.sigmoid(said.continuation), decoding.sigmoid(said.sentence)
        events: list[tuple[int, int, int]] = []
        for row, (window, block, number) in enumerate(jobs):
            count = len(window.spans)
            found = given[row] if given else Found()
            assert found is not None  # noqa: S101  with_gold_triggers fills every place
            if not given and not sentences_only and least is not None:
                keep = np.array(window.owned)
                found.triggers = decoding.decode_triggers(scores[row, :count], goes_on[row, :count], least, keep)
            found.sentences = types[row, : window.sentence[-1] - window.sentence[0] + 1]
            block.found[number] = found
            events.extend((row, t.first, t.type) for t in found.triggers)
        if events:
            self._read_arguments(jobs, said, np.array(events))

    def _read_arguments(self, jobs: Sequence[_Job], said: WordScores, events: NDArray[Any]) -> None:
        argument, attribute = self.engine.read_pairs(said.state, events)
        lengths = [len(jobs[row][0].spans) for row in events[:, 0].tolist()]
        roles = decoding.decode_arguments(argument / self.config.argument_temperature, self._tags[events[:, 2]], lengths)
        chosen = decoding.decode_attributes(attribute, [len(names) for names in self.ontology.attributes.values()])
        at = 0
        for _, block, number in jobs:  # whose events follow each other
            if (found := block.found[number]) is not None:
                mine = slice(at, at + len(found.triggers))
                found.roles, found.attributes = roles[mine], chosen[mine]
                at = mine.stop


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
    texts: Iterable[str], *, batch_size: int = _BATCH, threshold: float | None = None, types: Collection[str] | None = None,
    sentences_only: bool = False,
) -> Iterator[Document]:  # fmt: skip
    """`classify` for many texts, streaming and in order. See `EventExtractor.classify_many`."""
    return default_extractor().classify_many(
        texts, batch_size=batch_size, threshold=threshold, types=types, sentences_only=sentences_only
    )
