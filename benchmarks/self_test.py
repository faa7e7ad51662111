"""Tests the verifier by mutants of several right implementations, and writes one page of all.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/self_test.py RESULTS
        [NAME:IMPLEMENTATION …] [--limit 300] [--dtype float32] [--page docs/self-test.md]

NAME is a reference model; IMPLEMENTATION is `port`, `in-tree` or `transformers`.
Each result is kept in the folder RESULTS, and what is there already is not run
again; the page is of all results there. It ends with 1 where a mutant that
matters was missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import cast, get_args

from mmport.core.files import write_text
from mmport.core.jsonable import from_json, to_json
from mmport.core.output import Sink
from mmport.model.evidence import Implementation
from mmport.model.self_test import SelfTest
from mmport.verification.self_test_pages import conclusion, self_test_markdown
from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny
from mmport.workflows.self_test import LIMIT, self_test
from mmport.workflows.verify import VerifyOptions

SUBJECTS = ("clip-mistral:port", "qwen2_vl:in-tree", "internvl:in-tree", "idefics3:transformers")
TIMEOUT_SECONDS = 900.0


def run(name: str, implementation: str, dtype: str, limit: int) -> SelfTest:
    """Build a reference model and test the verifier on one implementation of it."""
    if implementation not in get_args(Implementation):
        raise SystemExit(f"{implementation} is none of {', '.join(get_args(Implementation))}")
    python = Path(os.environ["MMPORT_VLLM_PYTHON"])
    with tempfile.TemporaryDirectory() as scratch:
        model = build_tiny(name, python=python, out=Path(scratch, name), dtype=dtype)
        port = Path(scratch, "port") if implementation == "port" else None
        if port is not None:
            scaffold.write(scaffold.prepare(scaffold.Request(str(model), port)))
        options = VerifyOptions(
            implementations=(cast("Implementation", implementation),),
            port=port,
            dtype=dtype,
            timeout=TIMEOUT_SECONDS,
            vllm_python=python,
        )
        return self_test(str(model), options, Sink(), limit=limit)


def kept(folder: Path) -> list[SelfTest]:
    """Read all results, in the order of their names."""
    return [from_json(path.read_bytes(), SelfTest) for path in sorted(folder.glob("*.json"))]


def main() -> int:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("subjects", nargs="*", default=SUBJECTS, metavar="NAME:IMPLEMENTATION")
    parser.add_argument("--limit", type=int, default=LIMIT)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    for subject in arguments.subjects:
        name, _, implementation = subject.partition(":")
        path = arguments.results / f"{name}-{implementation}-{arguments.dtype}.json"
        if not path.exists():
            result = run(name, implementation, arguments.dtype, arguments.limit)
            write_text(path, to_json(result))
    results = kept(arguments.results)
    for one in results:
        sys.stdout.write(f"{one.model} ({one.implementation}): {conclusion(one)}\n")
    if arguments.page is not None:
        write_text(arguments.page, self_test_markdown(results))
    return 0 if all(one.passed for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
