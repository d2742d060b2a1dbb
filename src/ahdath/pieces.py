"""A fast tokenizer without transformers: what the exported engine cuts words with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["PieceTokenizer"]


class PieceTokenizer:
    """A tokenizer.json read without transformers: as much of `PreTrainedTokenizerFast` as is needed to cut words."""

    def __init__(self, backend: Tokenizer, *, unk_token: str, pad_token: str | None = None) -> None:
        backend.no_truncation()
        backend.no_padding()
        self.backend_tokenizer, self.unk_token = backend, unk_token
        self.unk_token_id: int | None = backend.token_to_id(unk_token)
        self.pad_token_id: int | None = None if pad_token is None else backend.token_to_id(pad_token)

    @classmethod
    def load(cls, folder: str | Path) -> PieceTokenizer:
        """Read tokenizer.json and tokenizer_config.json of a folder. Raises ModelError for missing or damaged files."""
        from tokenizers import Tokenizer

        place = Path(folder)
        try:
            told = json.loads((place / "tokenizer_config.json").read_text(encoding="utf-8"))
            names = [told.get(kind) for kind in ("unk_token", "pad_token")]
            unknown, pad = (name["content"] if isinstance(name, dict) else name for name in names)
            backend = Tokenizer.from_str((place / "tokenizer.json").read_text(encoding="utf-8"))
            return cls(backend, unk_token=str(unknown), pad_token=pad)
        except Exception as error:  # the Rust side raises plain Exception for what is no tokenizer
            raise ModelError(
                f"{place}: expected a tokenizer (tokenizer.json, tokenizer_config.json), found {error!r}; "
                "save or download the model again"
            ) from error
