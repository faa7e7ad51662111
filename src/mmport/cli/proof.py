"""How commands that end in evidence end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mmport.core.output import Sink
    from mmport.model.evidence import Evidence


def show(evidence: Sequence[Evidence], sink: Sink) -> None:
    """Print evidence, and end with 1 if what the user wants proven is not.

    That is the port, where there is one; vLLM's own implementations stand
    beside it for comparison. Without a port all must be green.
    """
    from mmport.core.jsonable import to_builtins
    from mmport.verification.report import evidence_page
    from mmport.workflows.verify import VERIFY_SCHEMA, failed

    document = {"schema": VERIFY_SCHEMA, "evidence": to_builtins(tuple(evidence))}
    sink.result(document, evidence_page(evidence))
    if failed(evidence):
        raise typer.Exit(1)
