"""A model folder -> one that the int8 engine reads: graphs, plan and ready-made weights beside config and tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ModelError
from . import weights
from .onnx_engine import FILES, VERSION, WEIGHTS, Settings
from .openvino_engine import OPENVINO_FILES
from .ranges import measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plan = dict[str, dict[str, list[str]]]

__all__ = ["export", "write_graphs"]

_COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "lexicon.json", "README.md")


def write_graphs(
    config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], folder: Path, *, int8: bool = True,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Plan:  # fmt: skip
    """Write the graphs of a model for either engine and their plan into a folder that has, or gets, its weights; the plan.

    config: config.json of the model; shapes: its tensors by name; see `graphs.build`. ranges: see `ranges.measure`.

    Raises:
        ModelError: the `onnx` package is missing, or the encoder is of an architecture that has no graph.
    """
    try:
        from .graphs import build
        from .openvino_graphs import build_for_openvino
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ModelError("exporting needs the package onnx, found none: pip install 'ahdath[export]'") from error
    graphs = build(config, shapes, int8=int8, ranges=ranges)
    for_openvino = build_for_openvino(config, shapes, int8=int8, ranges=ranges)
    for name, graph in zip((*FILES[:2], *OPENVINO_FILES), (graphs.words, graphs.pairs, *for_openvino), strict=True):
        (folder / name).write_bytes(graph.SerializeToString(deterministic=True))
    told = {"version": VERSION, "int8": int8, **graphs.plan}
    (folder / FILES[2]).write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
    return graphs.plan


def export(model: str | Path, folder: str | Path, *, int8: bool = True, calibration: Iterable[str] | None = None) -> int:
    """Write an exported copy of a model folder; its size in bytes.

    Its weights are stored as the engine wants them, the products of the encoder in eight bits: a quarter of the size, and
    read without torch. `int8=False` keeps float32, to compare with.

    Args:
        calibration: texts like those to be read, some hundred paragraphs: on them the range of every product is measured,
            and OpenVINO then computes the products in eight bits too; without them, in bfloat16. ONNX Runtime, which computes in
            eight bits either way, then need not look for the range of every row.

    Raises:
        ModelError: the model cannot be read or exported, or `folder` is the model's own or holds other files.
        ConfigError: texts to calibrate on, and int8=False.

    >>> export("runs/mine", "runs/mine-int8")                                                # doctest: +SKIP
    >>> EventExtractor.from_pretrained("runs/mine-int8").classify("قصفت القوات المدينة.")      # doctest: +SKIP
    """
    from safetensors.numpy import save_file

    source, target = Path(model), Path(folder)
    if calibration is not None and not int8:
        raise ConfigError("calibration is for products in eight bits: expected int8=True with it; leave one out")
    known = {*_COPIED, *FILES, *OPENVINO_FILES, WEIGHTS}
    strange = sorted({path.name for path in target.iterdir()} - known) if target.exists() else []
    if strange:
        raise ModelError(f"{target}: expected a new folder or an earlier export, found {strange[0]}; name another folder")
    config, tensors = _read(source)
    target.mkdir(parents=True, exist_ok=True)
    ranges = None if calibration is None else measure(source, calibration)
    plan = write_graphs(config, {name: tensor.shape for name, tensor in tensors.items()}, target, int8=int8, ranges=ranges)
    made: dict[str, NDArray[Any]] = {}
    for part in plan.values():
        made |= weights.make(part, tensors)
    save_file(made, str(target / WEIGHTS))
    for name in _COPIED:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    return sum(path.stat().st_size for path in target.iterdir())


def _read(source: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """config.json as it stands, and the weights in NumPy, whatever type they are stored in."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    Settings.load(source)
    path = source / "model.safetensors"
    try:
        stored = load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: expected the weights of an ahdath model, found: {error}; save the model again") from error
    tensors = {name: (one.float() if one.is_floating_point() else one).numpy() for name, one in stored.items()}
    return json.loads((source / "config.json").read_text(encoding="utf-8")), tensors
