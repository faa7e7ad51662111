"""`mmport inspect`."""

from __future__ import annotations

from mmport.cli.options import (
    FormatOption,
    ModelArgument,
    RevisionOption,
    TargetOption,
    TrustOption,
)
from mmport.core.output import Format


def command(
    model: ModelArgument,
    *,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    target_vllm: TargetOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Say what a model is, and what to do with it on vLLM."""
    from mmport.cli.inspect_page import page
    from mmport.core.output import Sink
    from mmport.workflows.inspection import inspect

    report = inspect(
        model,
        revision=revision,
        trust_remote_code=trust_remote_code,
        target=target_vllm,
    )
    Sink(format).result(report.document(), page(report))
    if report.refusal is not None:
        raise report.refusal
