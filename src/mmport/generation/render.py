"""Renders the files of a port from its plan."""

from __future__ import annotations

import ast

from mmport.core.errors import NotPortable, UnknownTarget
from mmport.generation import style
from mmport.generation.one_file import merged_modules
from mmport.generation.plans import check_plan
from mmport.model.plan import PortPlan
from mmport.model.spec import Modality, VlmSpec
from mmport.templates.filters import identifier, statement
from mmport.templates.render import has_era, render
from mmport.vllm_api.contracts import Contract, contract_of, span_of
from mmport.vllm_api.eras import ERAS
from mmport.vllm_api.legacy import LegacyContract, legacy_contract

_SEARCHES: dict[Modality, str] = {
    "image": "image_sizes",
    "video": "video_sizes",
    "audio": "audio_lengths",
}


def render_port(plan: PortPlan, spec: VlmSpec) -> dict[str, str]:
    """Render every file of a port: path within the port to text, sorted by path.

    The result depends on the arguments alone. Python comes sorted, laid out and
    without a name that is bound twice.

    Raises:
        UnknownTarget: mmport has no templates for the plan's era.
        MalformedSource: a name of the plan is not an identifier.
        NotPortable: a class of the port would hide something it imports.
    """
    if not has_era(plan.era):
        raise UnknownTarget(
            f"mmport has no templates for vLLM {plan.target} (era {plan.era})",
            "choose a release of vLLM from 0.5.1 on with --target-vllm",
        )
    check_plan(plan)
    model = _model(plan, spec)
    if plan.layout == "file":
        if spec.anatomy and spec.anatomy.code:
            raise NotPortable(
                "a port that carries code of the model's repo is no single file",
                "leave out --layout file",
            )
        for helper in helpers(plan):
            model = merged_modules(render(plan.era, f"{helper}.py"), model)
        header = render(plan.era, "file_header.py", plan=plan, contract=_contract(plan))
        model = _with_header(model, header)
        return {plan.model_file: _python(plan, model)}
    values = {
        "plan": plan,
        "spec": spec,
        "contract": _contract(plan),
        **_vllm_range(plan),
    }
    init = render(plan.era, "__init__.py", **values)
    smoke_test = render(plan.era, "test_smoke.py", **values)
    files = {
        "README.md": render(plan.era, "README.md", **values),
        "pyproject.toml": render(plan.era, "pyproject.toml", style=style, **values),
        f"{plan.names.package}/__init__.py": _python(plan, init),
        plan.model_file: _python(plan, model),
        "tests/test_smoke.py": _python(plan, smoke_test),
    }
    for helper in helpers(plan):
        code = _python(plan, render(plan.era, f"{helper}.py"))
        files[f"{plan.names.package}/{helper}.py"] = code
    files |= carried_files(plan, spec)
    return dict(sorted(files.items()))


def _model(plan: PortPlan, spec: VlmSpec) -> str:
    template = "wrapped" if plan.wrapped else "model"
    if plan.legacy is not None:
        template = plan.legacy.template
    return render(plan.era, f"{template}.py", plan=plan, spec=spec, contract=_contract(plan))


def _contract(plan: PortPlan) -> LegacyContract | Contract | None:
    return legacy_contract(plan.era) or contract_of(plan.target)


def carried_files(plan: PortPlan, spec: VlmSpec) -> dict[str, str]:
    """Give the modules of the model's repo that a port holds: path within the port to text.

    They are laid out as their authors did it.
    """
    code = spec.anatomy.code if spec.anatomy else ()
    return {f"{plan.names.package}/{identifier(name)}.py": statement(text) for name, text in code}


def helpers(plan: PortPlan) -> tuple[str, ...]:
    """Name the modules that search for the items that become the most tokens."""
    searched = (item.modality for item in plan.items if item.counted != "constant")
    return tuple(_SEARCHES[modality] for modality in searched)


def first_party(plan: PortPlan) -> str:
    """Name the top-level package or module that is the port itself."""
    return plan.model_module.partition(".")[0]


def python_of(plan: PortPlan) -> str:
    """Name the oldest Python that a port is written for."""
    contract = legacy_contract(plan.era)
    return contract.python if contract else style.PYTHON


def _with_header(model: str, header: str) -> str:
    """Put a comment below the licence line that every template begins with."""
    licence, _, body = model.partition("\n")
    return f"{licence}\n#\n{header}\n{body}"


def _python(plan: PortPlan, text: str) -> str:
    formatted = style.format_python(
        text,
        first_party=first_party(plan),
        python=python_of(plan),
        prune=True,
    )
    _check_bindings(plan, formatted)
    return formatted


def _check_bindings(plan: PortPlan, text: str) -> None:
    """Refuse a class that takes the name of an import: the architecture's name decides it."""
    body = ast.parse(text).body
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    defined = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    if hidden := sorted(imported & defined):
        raise NotPortable(
            f"a port of {plan.architecture} would define {hidden[0]}, which it has to import",
            "rename the architecture in the model's config.json",
        )


def _vllm_range(plan: PortPlan) -> dict[str, str]:
    """Give the releases that a port is written for in words, and as a requirement."""
    if span := span_of(plan.target):
        return {"vllm_releases": span.words, "vllm_requirement": span.requirement}
    era = next(one for one in ERAS if one.name == plan.era)
    (major, first, _), (_, last, _) = era.first, era.last
    return {
        "vllm_releases": f"{major}.{first} to {major}.{last}",
        "vllm_requirement": f">={major}.{first},<{major}.{last + 1}",
    }
