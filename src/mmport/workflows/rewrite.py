"""From a text-only model file and a model to that file with multimodal support."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from mmport.codemods.imports import imported_names
from mmport.codemods.parsing import ParsedFile, read_python
from mmport.core.errors import MalformedSource, ModelNotFound, Usage
from mmport.core.files import write_text
from mmport.core.jsonable import from_builtins
from mmport.generation.diff import unified_diff
from mmport.generation.rewriting import RewrittenFile, StepResult, chosen_class, rewrite_file
from mmport.hub.opening import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.plan import PortPlan
from mmport.model.spec import SPEC_SCHEMA, VlmSpec
from mmport.planning.plan import plan_graft
from mmport.vllm_api.catalog import Target, resolve_target

REWRITE_SCHEMA = "mmport.rewrite/1"


@dataclass(frozen=True, slots=True)
class RewriteRequest:
    """What the user asked for: a file, and the model that it is to serve.

    Exactly one of `model` (folder or hub id) and `spec` (a file of `inspect`) is set.
    """

    file: Path
    model: str | None = None
    spec: Path | None = None
    class_name: str | None = None
    mapper: str = ""
    """A function of the file, for vLLM's first multimodal API; empty: vLLM's own."""
    target_vllm: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """The result of `mmport rewrite`; `diff` is empty where there is nothing to do."""

    schema: str
    file: str
    class_name: str
    architecture: str
    target: str
    written: bool
    steps: tuple[StepResult, ...]
    diff: str

    @property
    def would_change(self) -> bool:
        """Whether the file is not as it is rewritten now."""
        return bool(self.diff)


def run_rewrite(request: RewriteRequest, *, write: bool) -> RewriteResult:
    """Rewrite a file in memory, and on disk if `write`.

    Raises:
        Usage: it is not clear which class or model is meant.
        MalformedSource: the file is no Python, or the spec none of ours.
        NotPortable: the class or the model cannot be brought together.
        TargetUnwritable: the file cannot be written.
    """
    target = resolve_target(request.target_vllm)
    file = read_python(request.file)
    class_name = chosen_class(file, request.class_name)
    spec = _spec(request, target)
    plan = plan_graft(spec, target)
    _check_mapper(request.mapper, file, class_name, plan)
    done = rewrite_file(file, class_name, plan, spec, mapper=request.mapper)
    if write and done.changed:
        write_text(request.file, done.after)
    return RewriteResult(
        schema=REWRITE_SCHEMA,
        file=str(request.file),
        class_name=class_name,
        architecture=plan.architecture,
        target=target.version,
        written=write and done.changed,
        steps=done.steps,
        diff=_diff(request.file, done),
    )


def _check_mapper(mapper: str, file: ParsedFile, class_name: str, plan: PortPlan) -> None:
    """See that a mapper is a name of the file, and that the release has mappers.

    Raises:
        Usage: it is not, or it has none.
    """
    if mapper and plan.legacy is None:
        raise Usage(
            f"vLLM {plan.target} has no mappers: its processors make tensors of items",
            "leave out --mapper, or name a release before 0.8.5 with --target-vllm",
        )
    if mapper and mapper not in _functions_above(file, class_name):
        raise Usage(
            f"{file.path} has no function {mapper} above {class_name}",
            "define it there, or import it",
        )


def _functions_above(file: ParsedFile, class_name: str) -> set[str]:
    """Name what a decorator of a class can call: functions above it, and names from imports."""
    found = {one.bound for one in imported_names(file.module).values() if one.name}
    for one in file.module.body:
        if isinstance(one, cst.ClassDef) and one.name.value == class_name:
            break
        if isinstance(one, cst.FunctionDef):
            found.add(one.name.value)
    return found


def _diff(path: Path, done: RewrittenFile) -> str:
    return unified_diff(path.name if path.is_absolute() else str(path), done.before, done.after)


def _spec(request: RewriteRequest, target: Target) -> VlmSpec:
    if (request.model is None) == (request.spec is None):
        raise Usage(
            "rewrite needs the model that the class is to serve",
            "name it with --model, or a file saved by mmport inspect --format json with --spec",
        )
    if request.spec is not None:
        return _saved_spec(request.spec)
    source = open_source(str(request.model), revision=request.revision)
    return inspect_model(source, target, trust_remote_code=request.trust_remote_code)


def _saved_spec(path: Path) -> VlmSpec:
    """Read a spec as `inspect --format json` prints it, alone or within its document.

    Raises:
        ModelNotFound: there is no such file.
        MalformedSource: it holds no spec.
    """
    import json

    from msgspec import ValidationError

    hint = "save one with: mmport inspect MODEL --format json > spec.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelNotFound(f"{path} cannot be read: {error.strerror or error}", hint) from error
    except ValueError as error:
        raise MalformedSource(f"{path} is no JSON: {error}", hint) from error
    held = content.get("spec", content) if isinstance(content, dict) else None
    if not isinstance(held, dict) or held.get("schema") != SPEC_SCHEMA:
        raise MalformedSource(f"{path} holds no spec of mmport", hint)
    try:
        return from_builtins(held, VlmSpec)
    except ValidationError as error:
        raise MalformedSource(f"{path} holds a damaged spec: {error}", hint) from error
