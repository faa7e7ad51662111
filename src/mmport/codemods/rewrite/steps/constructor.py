"""The encoder and the connector join the constructor; the rest of it gets the text config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    after_attributes,
    apart,
    assigned,
    block,
    calls,
    find_class,
    is_docstring,
    is_filler,
    method,
    parameter_names,
    replace_class,
    statements,
    value_of,
    with_statements,
    written,
)
from mmport.codemods.imports import Imported, dotted, with_imports
from mmport.codemods.lists import LINE_LENGTH, fitting_call, with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Unchanged
from mmport.codemods.printing import code_of
from mmport.codemods.rewrite.graft import VLM_CONFIG, WHOLE
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.adapters import fused_tables, fuses_alike, takes_adapters
from mmport.codemods.rewrite.steps.decoder import decoder_of

_CONFIG = "vlm_config"
"""What a constructor that is given configs calls that of the whole model."""
_ABOUT = "# The language model is built from the text config alone.\n"
_NARROWED = {
    True: f"""{_ABOUT}{WHOLE} = vllm_config
vllm_config = {WHOLE}.with_hf_config(
    {WHOLE}.model_config.hf_config.text_config
)
""",
    False: f"""{_ABOUT}{_CONFIG} = config
config = {_CONFIG}.text_config
""",
}
"""How a constructor comes to see a text config, by whether it is given `vllm_config`."""
_INHERITED = {
    True: """
def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
    super().__init__(vllm_config=vllm_config, prefix=prefix)
""",
    False: """
def __init__(
    self,
    config: PretrainedConfig,
    cache_config: Optional[CacheConfig] = None,
    quant_config: Optional[QuantizationConfig] = None,
    **kwargs: object,
) -> None:
    super().__init__(config, cache_config, quant_config, **kwargs)
""",
}
_REQUIRED = {True: ("vllm_config", "prefix"), False: ("config",)}
_PRETRAINED = Imported("transformers", "PretrainedConfig", "PretrainedConfig")


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    init = method(node, "__init__")
    if init is not None and _builds_tower(init, rewriting):
        return _lacks(init, rewriting)
    if init is not None and (clash := _clash(init)):
        return Failed(
            f"its constructor has a {clash} of its own, and that is what the config of the whole"
            " model is to be called",
            "give yours another name",
        )
    own, whole = init is not None, rewriting.graft.gets_vllm_config
    if init is None:
        (made,) = written(_INHERITED[whole])
        assert isinstance(made, cst.FunctionDef)  # noqa: S101 - what `def` is
        init = made
    problem = _problem(init, _REQUIRED[whole])
    if problem is not None:
        return problem
    decoder = decoder_of(node)
    body = statements(init)
    if rewriting.graft.marks_parts:
        body = [_marked(one, decoder, module.default_indent) for one in body]
    begin = 1 if body and is_docstring(body[0]) else 0
    body[begin : begin + 1] = [apart(one) for one in body[begin : begin + 1]]
    built = _built(rewriting)
    if takes_adapters(module, node) and not fuses_alike(node, rewriting.graft):
        built += fused_tables(rewriting.graft)
    changed = with_statements(
        _with_multimodal_config(init, rewriting),
        [*body[:begin], *written(_NARROWED[whole]), *body[begin:], *built],
    )
    module = replace_class(module, _with_constructor(node, init if own else None, changed))
    wanted = rewriting.graft.imports_of([*built, changed])
    wanted += [] if own or whole else [_PRETRAINED]
    return Changed(
        with_imports(module, wanted), "the encoder and the connector join the constructor"
    )


def _builds_tower(init: cst.FunctionDef, rewriting: Rewriting) -> bool:
    """Tell whether a constructor makes what the graft would, or marks a tower of its own."""
    marks = {call.func.attr.value for call in calls(init) if isinstance(call.func, cst.Attribute)}
    made = targets(statements(init)) & targets(rewriting.graft.constructor)
    return bool(made or marks & {"_mark_tower_model", "_mark_composite_model"})


def _lacks(init: cst.FunctionDef, rewriting: Rewriting) -> Outcome:
    """Refuse a constructor that had the graft and lost a part; somebody's own is left alone."""
    made, wanted = targets(statements(init)), targets(rewriting.graft.constructor)
    missing = sorted(wanted - made)
    if VLM_CONFIG not in map(assigned, statements(init)):
        missing.append(VLM_CONFIG)
    if not missing or VLM_CONFIG not in cst.Module([init]).code:
        return Unchanged()
    return Failed(
        f"its constructor makes {', '.join(sorted(made & wanted))} and no {', '.join(missing)}",
        "add that, or take out what is there of the encoder, and run this again",
    )


def _clash(init: cst.FunctionDef) -> str:
    """Name what a constructor sets itself, of the names that the graft needs."""
    own = {assigned(one) for one in statements(init)}
    return next((name for name in (_CONFIG, WHOLE, VLM_CONFIG) if name in own), "")


def targets(body: Iterable[Statement]) -> set[str]:
    """Name the modules that statements make: attributes that are set to what a call gives."""
    found = set[str]()
    for one in body:
        if isinstance(one, cst.With):
            found |= targets(block(one.body))
        elif assigned(one).startswith("self.") and isinstance(value_of(one), cst.Call):
            found.add(assigned(one))
    return found


def _problem(init: cst.FunctionDef, required: tuple[str, ...]) -> Failed | None:
    names = parameter_names(init)
    missing = set(required) - names
    if missing:
        known = ", ".join(required)
        return Failed(
            f"its constructor takes no {' and no '.join(sorted(missing, reverse=True))}",
            f"have it take {known}, as every model of this vLLM does, or choose the release that"
            " it was written for with --target-vllm",
        )
    return None


def _marked(statement: Statement, decoder: str, indent: str) -> Statement:
    """Put what makes the language model into the context that marks it as such."""
    makes = decoder and assigned(statement) == f"self.{decoder}"
    if not makes and not _is_inherited_constructor(statement):
        return statement
    if isinstance(value_of(statement), cst.Name):
        return statement
    marked = cst.parse_statement("with self._mark_language_model(vllm_config):\n    pass\n")
    assert isinstance(marked, cst.With)  # noqa: S101 - what `with` is
    return marked.with_changes(
        leading_lines=statement.leading_lines,
        body=cst.IndentedBlock([_fitting(statement.with_changes(leading_lines=()), indent)]),
    )


def _fitting(statement: Statement, indent: str) -> Statement:
    """Break what no longer fits a line, one level further in, at its outermost call."""
    call = next(calls(statement), None)
    if call is None or not isinstance(statement, cst.SimpleStatementLine):
        return statement
    text = code_of(statement).strip()
    room = LINE_LENGTH - 3 * len(indent) - (len(text) - len(code_of(call)))
    changed = statement.deep_replace(call, fitting_call(call, width=room, indent=indent))
    return changed if isinstance(changed, cst.SimpleStatementLine) else statement


def _is_inherited_constructor(statement: Statement) -> bool:
    """Tell `super().__init__(vllm_config=…)`: it builds a language model."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    return any(
        isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "__init__"
        and any(dotted(arg.value) == "vllm_config" for arg in call.args)
        for call in calls(statement)
    )


def _built(rewriting: Rewriting) -> list[Statement]:
    made = list(rewriting.graft.constructor)
    if not rewriting.graft.gets_vllm_config:
        made = [*written(f"{VLM_CONFIG} = {_CONFIG}\n"), *made]
    first, *rest = made
    return [apart(first), *rest]


def _with_multimodal_config(init: cst.FunctionDef, rewriting: Rewriting) -> cst.FunctionDef:
    """Have a constructor that is given configs take the one that multimodal classes get."""
    wanted = [one for one in rewriting.graft.parameters if one.name.value == "multimodal_config"]
    if not wanted or "multimodal_config" in parameter_names(init):
        return init
    place = 1 + [one.name.value for one in init.params.params].index("config")
    params = with_item(init.params.params, place, wanted[0].with_changes(default=None))
    return init.with_changes(params=init.params.with_changes(params=params))


def _with_constructor(
    node: cst.ClassDef, old: cst.FunctionDef | None, new: cst.FunctionDef
) -> cst.ClassDef:
    body: Sequence[Statement] = statements(node)
    if old is not None:
        return with_statements(node, [new if one is old else one for one in body])
    kept = [one for one in body if not is_filler(one)]
    place = after_attributes(kept)
    return with_statements(node, [*kept[:place], apart(new), *kept[place:]])


STEP = Step(
    id="constructor",
    summary="The encoder and the connector join the constructor",
    since="0.15.0",
    reference="SupportsMultiModal._mark_tower_model, _mark_language_model",
    risk="review",
    apply=_apply,
)
