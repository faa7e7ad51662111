"""`mmport verify --self-test`: how it is run and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mmport.core.output import Sink
    from mmport.workflows.verify import VerifyOptions


def run(model: str, options: VerifyOptions, sink: Sink, limit: int | None) -> None:
    """Print what the verifier noticed; end with 1 if that is not all that there was."""
    from mmport.verification.self_test_pages import self_test_page
    from mmport.workflows.self_test import self_test

    result = self_test(model, options, sink, limit=limit)
    sink.result(result, self_test_page(result))
    if not result.passed:
        raise typer.Exit(1)
