"""Extension of Griffe for mkdocs.yml: the `>>>` examples of docstrings become blocks of code on the site."""

from __future__ import annotations

from typing import Any

import griffe

from ahdath.proof import site


class Examples(griffe.Extension):
    """Fences the examples of every docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Of Griffe: an object was read."""
        if obj.docstring is not None:
            obj.docstring.value = site.docstring(obj.docstring.value)
