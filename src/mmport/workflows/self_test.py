"""The verifier's own proof: mutants of a right implementation, and which it noticed."""

from __future__ import annotations

from pathlib import Path

from mmport.core.errors import Usage
from mmport.core.files import require_writable, write_text
from mmport.core.jsonable import to_json
from mmport.core.output import Sink
from mmport.model.self_test import SelfTest
from mmport.verification.self_test import run_self_test
from mmport.verification.self_test_pages import self_test_markdown
from mmport.workflows.verify import VerifyOptions, prepared

LIMIT = 300
"""Mutants that are tried where nobody says how many: some minutes on a tiny model."""

JSON_NAME, MARKDOWN_NAME = "self-test.json", "self-test.md"


def self_test(
    model: str,
    options: VerifyOptions,
    sink: Sink,
    *,
    limit: int | None = None,
    kinds: tuple[str, ...] = (),
) -> SelfTest:
    """Mutate one implementation of a model in many ways, and see which the verifier notices.

    Args:
        model: as `verify` takes it.
        options: as `verify` takes them; one implementation, and all of the questions.
        sink: where progress is told.
        limit: how many mutants are tried, balanced over their kinds; 0 for all,
            None for `LIMIT`.
        kinds: only these, if any are named.

    Raises:
        Usage: several implementations were named, or only a part of the questions.
        MmportError: the model, the port or an engine is missing, or a worker died.
    """
    if options.stages or options.scenarios or options.tp > 1:
        raise Usage(
            "a self-test is of the whole verifier",
            "leave out --stages, --scenarios and --tp",
        )
    if len(options.implementations) > 1:
        raise Usage("a self-test is of one implementation", "name one with --impl")
    if options.report is not None:
        require_writable(options.report / JSON_NAME)
    with sink.progress("self-test") as progress, prepared(model, options, progress) as found:
        setup, (subject,) = found
        if setup.legacy:
            raise Usage(
                f"mutants are made for today's engines, and this is vLLM {setup.vllm_version}",
                "name a current engine with --vllm-python",
            )
        wanted = LIMIT if limit is None else limit
        result = run_self_test(setup, subject, limit=wanted, kinds=kinds, progress=progress)
    if options.report is not None:
        keep(result, options.report)
    return result


def keep(result: SelfTest, folder: Path) -> None:
    """Write a self-test as JSON and as Markdown."""
    write_text(folder / JSON_NAME, to_json(result))
    write_text(folder / MARKDOWN_NAME, self_test_markdown([result]))
