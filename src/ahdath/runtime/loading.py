"""A model folder or hub name -> an engine and its tokenizer: where torch, transformers or ONNX Runtime is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, ModelError, did_you_mean
from ..lexicon import StemLexicon
from ..pieces import PieceTokenizer
from ..tokenization import WordTokenizer
from .onnx_engine import OnnxEngine, is_available, is_exported
from .openvino_engine import OpenVinoEngine, has_openvino_graphs, is_openvino_available, suits_openvino
from .torch_engine import TorchEngine

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from . import ModelSettings

__all__ = ["RUNTIMES", "engine_of", "load", "local_folder"]

RUNTIMES = ("auto", "torch", "int8")


def load(
    name_or_path: str | Path, *, runtime: str = "auto", dtype: str | None = None, compiled: bool = False
) -> tuple[OnnxEngine | TorchEngine, WordTokenizer]:
    """The engine and the tokenizer of a model.

    Args:
        runtime: "int8" for the exported graphs, "torch" for the weights; "auto" takes the graphs where the folder has
            them, what runs them is installed, and neither `dtype` nor `compiled` asks for torch. Graphs of wide encoders
            are run by OpenVINO where it is installed and the CPU has bfloat16, others by ONNX Runtime.
        dtype, compiled: see `TorchEngine`.

    Raises:
        ConfigError: an unknown runtime, or options that contradict it.
        ModelError: the model is missing, damaged, or not exported.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(f"runtime {runtime!r}: expected one of {', '.join(RUNTIMES)}{did_you_mean(runtime, RUNTIMES)}")
    for_torch = dtype is not None or compiled
    if runtime == "int8" and for_torch:
        raise ConfigError("runtime 'int8' has a precision of its own: expected no dtype and no compiled; or use runtime='torch'")
    folder = local_folder(name_or_path)
    if runtime == "int8" and not is_exported(folder):
        raise ModelError(f"{folder}: expected exported graphs, found none; make them with: ahdath export {folder} OUT")
    chosen = "torch" if for_torch or runtime == "torch" else engine_of(folder, required=runtime == "int8")
    if chosen == "torch":
        return _load_torch(folder, dtype or "float32", compiled)
    engine = OpenVinoEngine(folder) if chosen == "openvino" else OnnxEngine(folder)
    return engine, _words(folder, engine.config, PieceTokenizer.load(folder))


def engine_of(folder: Path, *, required: bool = False) -> str:
    """What runs a model folder here: "onnxruntime", "openvino" or "torch", by its files, its size and what is installed.

    required: graphs are asked for, so torch is no answer: "onnxruntime" then, which says what is missing.
    """
    if not is_exported(folder):
        return "torch"
    if _openvino_should(folder):
        return "openvino"
    return "onnxruntime" if required or is_available() else "torch"


def _openvino_can(folder: Path) -> bool:
    return has_openvino_graphs(folder) and is_openvino_available()


def _openvino_should(folder: Path) -> bool:
    return _openvino_can(folder) and (not is_available() or suits_openvino(folder))


def local_folder(name_or_path: str | Path) -> Path:
    """The folder of a model, fetched from the Hugging Face hub where it is a name there.

    Raises ModelError when there is no such folder or repository.
    """
    path = Path(name_or_path)
    told = str(name_or_path)
    if isinstance(name_or_path, Path) or told.startswith((".", "/", "~")) or told.count("/") > 1 or path.is_dir():
        if not (path / "config.json").exists():
            raise ModelError(f"{path}: expected a model folder with config.json, found none; check the path")
        return path
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(told, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.onnx"]))
    except Exception as error:  # many kinds: no such name, no network, no right to read it
        raise ModelError(f"{told}: expected an ahdath model, a folder or a name on the hub, found: {error}") from error


def _load_torch(folder: Path, dtype: str, compiled: bool) -> tuple[TorchEngine, WordTokenizer]:
    from transformers import AutoTokenizer

    from ..modeling import AhdathConfig, AhdathModel

    try:
        config = AhdathConfig.from_pretrained(folder)
        model, told = AhdathModel.from_pretrained(folder, config=config, dtype="float32", output_loading_info=True)
        pieces = AutoTokenizer.from_pretrained(folder, config=config)
    except ModelError:
        raise
    except Exception as error:  # transformers raises many kinds for one cause: the files are not a model
        raise ModelError(f"{folder}: expected an ahdath model (config, tokenizer, safetensors), found: {error}") from error
    if told["missing_keys"]:
        raise ModelError(f"{folder}: expected all weights of the model, found none for {sorted(told['missing_keys'])[:3]}; "
                         "the file is damaged or of another version: save or download the model again")  # fmt: skip
    return TorchEngine(model, dtype=dtype, compiled=compiled), _words(folder, config, pieces)


def _words(folder: Path, config: ModelSettings, pieces: PieceTokenizer | PreTrainedTokenizerFast) -> WordTokenizer:
    lexicon = StemLexicon.load(folder / "lexicon.json") if config.segmentation else None
    return WordTokenizer(pieces, max_length=config.window_length, spelling=config.spelling, lexicon=lexicon)
