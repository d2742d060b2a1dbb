"""How the network is run: an `Engine` reads words and pairs, whatever computes them.

`torch_engine` runs `modeling.AhdathModel` (float32, bfloat16, compiled); `onnx_engine` runs two exported graphs with ONNX
Runtime and needs neither torch nor transformers; `openvino_engine` runs those of wide encoders faster, where it is installed.
`builder`, `graphs`, `openvino_graphs` and `export` write the graphs, `weights` fills them, `ranges` measures what static int8 has to know.
An engine knows tensors only: no text, no offsets, no thresholds. `inference` picks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Engine", "ModelSettings", "WordScores"]


class ModelSettings(Protocol):
    """What a reader needs of a model's config; `AhdathConfig` and `onnx_engine.Settings` have it."""

    ontology: dict[str, Any]
    encoder: dict[str, Any] | None
    spelling: str
    segmentation: bool
    window_length: int
    lexicon_size: int
    ngram_buckets: int
    context_size: int
    trigger_temperature: float
    argument_temperature: float
    threshold: float
    sentence_threshold: float


@dataclass(frozen=True)
class WordScores:
    """Logits of a batch of windows: `trigger` Shape: (B, W, T), `continuation` (B, W), `sentence` (B, S, T).

    `state` is what the engine wants back for `read_pairs`.
    """

    trigger: NDArray[Any]
    continuation: NDArray[Any]
    sentence: NDArray[Any]
    state: Any


@runtime_checkable
class Engine(Protocol):
    """Runs the network on NumPy arrays. Safe to share between threads."""

    @property
    def config(self) -> ModelSettings:
        """What config.json says of reading."""

    @property
    def workers(self) -> int:
        """How many batches are best read at the same time; 0: one, in the thread of the caller."""

    @property
    def room(self) -> int:
        """Paragraphs in a batch from which on more are no faster, see `batching.batches`."""

    def read_words(self, batch: Mapping[str, NDArray[Any]]) -> WordScores:
        """One pass over windows, arrays as `tokenization.collate` makes them."""

    def read_pairs(self, state: Any, events: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Logits of argument tags (E, W, 2R+1) and attributes (E, values) for events of a batch that was read.

        Shape of events: (E, 3) = window, first word of the trigger, type.
        """
