"""How commands that end in evidence end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mmport.core.errors import MmportError
    from mmport.core.output import Sink
    from mmport.model.evidence import Evidence


def show(
    evidence: Sequence[Evidence],
    sink: Sink,
    errors: Sequence[tuple[str, MmportError]] = (),
) -> None:
    """Print evidence, and end with 1 if what the user wants proven is not.

    That is the port, where there is one; vLLM's own implementations stand
    beside it for comparison. Without a port all must be green.

    Raises:
        MmportError: the first of `errors`, which were the end of a model each.
    """
    from mmport.core.jsonable import to_builtins
    from mmport.verification.report import evidence_page
    from mmport.workflows.verify import VERIFY_SCHEMA, failed

    document = {"schema": VERIFY_SCHEMA, "evidence": to_builtins(tuple(evidence))}
    if evidence:
        from rich.console import Group

        models = dict.fromkeys(one.model for one in evidence)
        pages = [evidence_page([one for one in evidence if one.model == name]) for name in models]
        sink.result(document, Group(*pages))
    for model, error in errors[1:]:
        sink.say(f"{model}: {error.what}")
    if errors:
        raise errors[0][1]
    if failed(evidence):
        raise typer.Exit(1)
