"""Hooks of mkdocs.yml: what the site tells of commands, types and other files is made from them at build time.

A page says `<!-- build:commands -->`, `<!-- build:ontology -->`, `<!-- build:example -->` or `<!-- build:file PATH -->` where it
wants them. `python scripts/docs.py` runs the examples of docs/ and writes what they print into the pages.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))  # the site is of this source, whatever is installed

from ahdath.proof import blocks, site  # noqa: E402

EXAMPLES = ("index.md", "concepts.md", "events.md", "reading.md", "formats.md", "scoring.md")
_LOG = logging.getLogger("mkdocs.hooks.docs")  # a warning there fails a strict build


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Of MkDocs: a page before it is rendered."""
    return site.page(markdown, ROOT, page.file.src_uri)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Of MkDocs: a page as it will be served; nothing in it may be fetched from elsewhere."""
    for address in site.fetched(output):
        _LOG.warning("%s: expected nothing from elsewhere, found %s", page.file.src_uri, address)
    return output


def main() -> None:
    """Run the examples in a folder that looks like the repository, and write what they print."""
    with TemporaryDirectory() as folder:
        for name in ("seeds", "configs"):
            (Path(folder) / name).symlink_to(ROOT / name)
        os.chdir(folder)
        for name in EXAMPLES:
            path = ROOT / "docs" / name
            text = path.read_text(encoding="utf-8")
            path.write_text(blocks.refreshed(text, name), encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
