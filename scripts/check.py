"""Lint and types, as `.ci/run` has them: `python scripts/check.py`. The tests are `pytest`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (["ruff", "check", "src", "tests", "scripts"], ["mypy"])


def main() -> int:
    """Run every check to its end; 1 if any of them found something."""
    failed = []
    for check in CHECKS:
        print("$", " ".join(check), flush=True)
        if subprocess.run([sys.executable, "-m", *check], cwd=ROOT, check=False).returncode:
            failed.append(check[0])
    print(f"failed: {', '.join(failed)}" if failed else "all clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
