"""Times one `mmport verify` of many models beside a run of its own for each.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/verify_many.py [--models 10]

The models are the tiny ones whose in-tree class is right by `docs/scoreboard.json`,
in its order. All are built before. Nothing is asserted; the ratio is what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from mmport.workflows.reference import build_tiny

BOARD = Path(__file__).parent.parent / "docs" / "scoreboard.json"


def models(count: int) -> list[str]:
    """Names of models whose in-tree class is right."""
    rows = json.loads(BOARD.read_text(encoding="utf-8"))["rows"]
    right = [
        row["model"]["name"]
        for row in rows
        for cell in row["cells"]
        if cell["column"] == "in-tree" and cell["status"] == "pass"
    ]
    return right[:count]


def seconds(folders: list[str]) -> float:
    """Run `verify` on some models and give its wall time; what it found does not matter."""
    command = [sys.executable, "-m", "mmport", "verify", *folders, "--impl", "in-tree"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=10, help="how many")
    names = models(parser.parse_args().models)
    python = Path(os.environ["MMPORT_VLLM_PYTHON"])
    folders = [str(build_tiny(name, python=python)) for name in names]
    seconds(folders[:1])  # what the disk has to read is read
    together = seconds(folders)
    singly = [seconds([folder]) for folder in folders]
    print(f"{len(folders)} models: {', '.join(names)}")
    print(f"together {together:.1f} s, one by one {sum(singly):.1f} s")
    print(f"ratio: {together / sum(singly):.2f}")


if __name__ == "__main__":
    main()
