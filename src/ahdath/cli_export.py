"""The command `ahdath export`: a trained model -> the graphs of the fast engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export"]


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write.")],
    calibrate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text like yours, .txt or .jsonl, to measure ranges on: faster."),
    ] = None,
    float32: Annotated[bool, typer.Option("--float32", help="Keep float32 instead of eight bits, to compare with.")] = False,
) -> None:
    """Write a copy of a model for the int8 engine: smaller, several times faster on a CPU, and read without torch.

    `ahdath classify --model OUT` and `EventExtractor.from_pretrained("OUT")` use it. ONNX Runtime runs it; where the extra
    `ahdath[openvino]` is installed, OpenVINO runs wide encoders like AraBERT, on a CPU that has bfloat16.
    """
    from .runtime.export import export as written
    from .runtime.ranges import read_texts

    texts = None if calibrate is None else read_texts(calibrate.expanduser())
    size = written(model.expanduser(), output.expanduser(), int8=not float32, calibration=texts)
    typer.echo(f"{output}: {size / 1e6:.1f} MB")
