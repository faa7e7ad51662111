"""`mmport migrate`: model files of one release of vLLM for another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import (
    FormatOption,
    HfPythonOption,
    RevisionOption,
    TrustOption,
    VllmPythonOption,
)
from mmport.core.output import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mmport.core.output import Sink
    from mmport.model.evidence import Evidence
    from mmport.model.finding import Finding
    from mmport.workflows.migrating import FileResult


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Python files, and folders of some."),
    ] = None,
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="V", help="The vLLM release to migrate to.")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="V", help="The release they are for; else found out."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="The model they serve: see below."),
    ] = None,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    shim: Annotated[
        bool, typer.Option("--shim", help="Keep the files right for the releases in between too.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change; this is the default.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Change the files.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether anything would change.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, metavar="N", help="Processes; 0: one a core.")
    ] = 0,
    verify: Annotated[
        str | None,
        typer.Option("--verify", metavar="MODEL", help="Prove the result on an engine of V."),
    ] = None,
    class_name: Annotated[
        str, typer.Option("--class", metavar="NAME", help="The class to prove; see --verify.")
    ] = "",
    tiny: Annotated[
        bool, typer.Option("--tiny", help="With --verify: on small random weights.")
    ] = False,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    codemods: Annotated[
        bool, typer.Option("--codemods", help="List all changes, and migrate nothing.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="CODEMOD", help="Explain a change, migrate nothing."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Migrate vLLM model files from one release's API to another's.

    Each change of the API between the releases has a codemod of its own. What it
    cannot do safely it leaves, and tells with line, reason and what to write; so
    is told what the result still asks for that the release does not have. By
    default the change is shown and nothing is written.

    With --model, what a file of vLLM's first multimodal API lacks to process items is
    taken from the port that `mmport scaffold` writes of that model.

    With --shim the file serves every release from the one to the other: names are
    imported from where each has them, hooks go by both names. What no one form
    serves is left, and told with the releases that it does not fit.

    Exit code 1 with --check if a file would change, and otherwise if an error is left
    or what --verify compares differs.
    """
    if codemods or explain is not None:
        from mmport.cli.codemods import show_codemods

        show_codemods(explain, format)
        return
    from mmport.core.errors import Usage
    from mmport.core.jsonable import to_builtins
    from mmport.core.output import Sink
    from mmport.model.finding import Severity
    from mmport.workflows.migrate import MIGRATE_SCHEMA, MigrateRequest, plan_migration

    if diff + write + check > 1:
        raise Usage("--diff, --write and --check exclude each other", "name one of them")
    if check and verify is not None:
        raise Usage("--check only looks, and --verify runs an engine", "leave out one of them")
    if to is None:
        raise Usage("it is not said which release to migrate to", "add --to V, such as 0.32.0")
    sink = Sink(format)
    plan = plan_migration(
        MigrateRequest(
            tuple(paths or ()), to, origin, write, jobs, model, revision, trust_remote_code, shim
        )
    )
    proof = None
    if verify is not None:
        # Here, as a migration by itself needs nothing of what runs engines.
        from mmport.workflows.proving import plan_proof
        from mmport.workflows.verify import VerifyOptions

        options = VerifyOptions(
            class_name=class_name,
            revision=revision,
            trust_remote_code=trust_remote_code,
            tiny=tiny,
            vllm_python=vllm_python,
            hf_python=hf_python,
        )
        proof = plan_proof(verify, plan, options)
    kept: list[FileResult] = []
    failed = any(one.severity is Severity.ERROR for one in plan.unreadable)
    changes = 0
    with sink.counted("migrate", len(plan.tasks)) as counted:
        for one in plan.results():
            changes += one.would_change
            failed = failed or any(each.severity is Severity.ERROR for each in one.findings)
            counted.done(_line(one))
            if format is Format.JSON:
                kept.append(one)
            else:
                _show(one, sink, diff=not (write or check))
    _findings(plan.unreadable, sink)
    evidence = proof.run(sink) if proof is not None else ()
    if format is Format.JSON:
        sink.document(
            {
                "schema": MIGRATE_SCHEMA,
                "to": plan.target,
                "files": kept,
                "unreadable": plan.unreadable,
                **({"evidence": to_builtins(evidence)} if proof is not None else {}),
            }
        )
    else:
        sink.say(_summary(len(plan.tasks), changes, plan.target, written=write))
        _evidence(evidence, sink)
    if (check and changes) or (failed and not check) or _differs(evidence):
        raise typer.Exit(1)


def _differs(evidence: Sequence[Evidence]) -> bool:
    from mmport.model.evidence import Outcome

    return any(one.outcome is not Outcome.PASSED for one in evidence)


def _evidence(evidence: Sequence[Evidence], sink: Sink) -> None:
    if evidence:
        from mmport.verification.report import evidence_page

        sink.result(None, evidence_page(evidence))


def _line(one: FileResult) -> str:
    if not one.origin:
        return f"{one.file}: {'cannot be read' if one.findings else 'uses nothing of vLLM'}"
    origin = one.detected or f"from {one.origin}"
    state = "changes" if one.would_change else "nothing to do"
    return f"{one.file}: {'written' if one.written else state} ({origin})"


def _show(one: FileResult, sink: Sink, *, diff: bool) -> None:
    from mmport.cli.diffs import print_diff

    if diff and one.diff:
        print_diff(one, one.diff, sink)
    elif one.would_change:
        sink.line(one.file)
    for applied in one.applied:
        look = "  look at it once" if applied.risk == "review" else ""
        sink.say(f"  {applied.id:<24} {applied.summary}{look}")
    _findings(one.findings, sink)


def _findings(findings: Iterable[Finding], sink: Sink) -> None:
    for finding in findings:
        numbers = [str(one) for one in (finding.line, finding.column) if one]
        sink.say(f"  {finding.severity.value} {finding.rule} {':'.join([finding.file, *numbers])}")
        sink.say(f"    {finding.message}")
        if finding.fix:
            sink.say(f"    fix: {finding.fix}")


def _summary(files: int, changes: int, target: str, *, written: bool) -> str:
    noun = "file" if files == 1 else "files"
    done = "changed" if written else "would change"
    return f"{files} {noun}, {changes} {done} for vLLM {target}"
