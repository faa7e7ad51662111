"""Names of the whole model's weights, and a loader that knows of the encoder's."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    after_attributes,
    apart,
    attribute,
    calls,
    find_class,
    is_filler,
    method,
    names_in,
    replace_class,
    statements,
    value_of,
    with_method,
    with_statements,
    written,
)
from mmport.codemods.imports import Imported, dotted, with_imports
from mmport.codemods.lists import LINE_LENGTH, fitting_call, with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Unchanged
from mmport.codemods.printing import code_of
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.adapters import fuses_alike, takes_adapters
from mmport.codemods.rewrite.steps.constructor import targets
from mmport.codemods.rewrite.steps.interface import inherited_model

_MAPPER = "hf_to_vllm_mapper"
_LOADER = "load_weights"
_RENAMES = "rename_weights"
"""The function of a port in the first API that gives weights the names of its modules."""
_TEXT_LOADER = "_load_text_weights"
_IMAGE_LOADER = "_load_image_weights"
_ADAPTERS = "supports_tower_connector_lora"


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    graft = rewriting.graft
    if _knows_tower(node, rewriting):
        return _lost(node)
    added: list[Statement] = []
    if _MAPPER in graft.attributes:
        node = with_statements(node, _with_mapper(node, graft.attributes[_MAPPER], added))
    node = _with_loader(node, rewriting, added, module.default_indent)
    if takes_adapters(module, node) and _ADAPTERS in graft.attributes and fuses_alike(node, graft):
        node = _with_flag(node, graft.attributes[_ADAPTERS])
    wanted = graft.imports_of(added)
    if "Iterator" in names_in(added) - {one.bound for one in wanted}:
        wanted.append(Imported("collections.abc", "Iterator", "Iterator"))
    module = with_imports(replace_class(module, node), wanted)
    return Changed(module, "names and loading of the whole model's weights")


def _lost(node: cst.ClassDef) -> Outcome:
    """Refuse a loader that asks for a method that is gone: what it did is nowhere to be read."""
    loader = method(node, _LOADER)
    asked = {dotted(call.func) for call in calls(loader)} if loader is not None else set()
    gone = [
        name
        for name in (_TEXT_LOADER, _IMAGE_LOADER)
        if f"self.{name}" in asked and method(node, name) is None
    ]
    if not gone:
        return Unchanged()
    return Failed(
        f"its {_LOADER} calls {' and '.join(gone)}, which the class has not",
        f"bring that back, or give the class its {_LOADER} of before, and run this again",
    )


def _knows_tower(node: cst.ClassDef, rewriting: Rewriting) -> bool:
    """Tell whether the class's own table of names speaks of the encoder."""
    names = [*_parts(rewriting), _RENAMES]
    known = [one for one in statements(node) if not isinstance(one, cst.FunctionDef)]
    loader = method(node, _LOADER)
    text = cst.Module([*known, *([loader] if loader else [])]).code
    return any(name in text for name in names)


def _parts(rewriting: Rewriting) -> list[str]:
    """Name the attributes of the class that hold the encoder and what belongs to it."""
    made = (one.removeprefix("self.") for one in targets(rewriting.graft.constructor))
    return sorted(name for name in made if "." not in name)


def _with_mapper(node: cst.ClassDef, mapper: Statement, added: list[Statement]) -> list[Statement]:
    """Put the names of the whole model before those that the class has itself."""
    body = [one for one in statements(node) if not is_filler(one)]
    own = attribute(node, _MAPPER)
    base = inherited_model(node)
    if own is not None:
        joined = _joined(mapper, _MAPPER)
        place = body.index(own) + 1
    elif not base:
        joined, place = mapper, after_attributes(body)
        return _inserted(body, place, apart(mapper), added)
    else:
        joined = _joined(mapper, f'(getattr({base}, "{_MAPPER}", None) or WeightsMapper())')
        place = after_attributes(body)
        joined = apart(joined)
    return _inserted(body, place, joined, added)


def _inserted(
    body: list[Statement], place: int, one: Statement, added: list[Statement]
) -> list[Statement]:
    added.append(one)
    return [*body[:place], one, *body[place:]]


def _joined(mapper: Statement, others: str) -> Statement:
    """Write `hf_to_vllm_mapper = (WeightsMapper(…) | others)`, one of the two a line."""
    first = value_of(mapper)
    assert first is not None  # noqa: S101 - an assignment has a value
    broken = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    both = cst.BinaryOperation(
        left=_deeper(first),
        operator=cst.BitOr(whitespace_before=broken),
        right=cst.parse_expression(others),
        lpar=[cst.LeftParen(whitespace_after=broken)],
        rpar=[cst.RightParen(whitespace_before=cst.ParenthesizedWhitespace(indent=True))],
    )
    target = cst.AssignTarget(cst.Name(_MAPPER))
    comment = cst.EmptyLine(
        comment=cst.Comment("# Names of the whole model first, then those of its language model.")
    )
    return cst.SimpleStatementLine([cst.Assign([target], both)], leading_lines=[comment])


class _Deeper(cst.CSTTransformer):
    """Lays a broken expression out one level further in."""

    def leave_ParenthesizedWhitespace(  # noqa: N802
        self,
        original_node: cst.ParenthesizedWhitespace,
        updated_node: cst.ParenthesizedWhitespace,
    ) -> cst.ParenthesizedWhitespace:
        deeper = [
            line.with_changes(whitespace=_further(line.whitespace))
            for line in updated_node.empty_lines
        ]
        return updated_node.with_changes(
            empty_lines=deeper, last_line=_further(updated_node.last_line)
        )


def _further(space: cst.SimpleWhitespace) -> cst.SimpleWhitespace:
    return cst.SimpleWhitespace(f"    {space.value}")


def _deeper(node: cst.BaseExpression) -> cst.BaseExpression:
    changed = node.visit(_Deeper())
    return changed if isinstance(changed, cst.BaseExpression) else node


def _with_loader(
    node: cst.ClassDef, rewriting: Rewriting, added: list[Statement], indent: str
) -> cst.ClassDef:
    """Have the encoder's weights loaded too.

    A loader that walks the class's modules by itself is told the names; any other
    keeps its work, and is handed what is left once the encoder has its own.
    """
    own = method(node, _LOADER)
    if own is not None and _walks_modules(own):
        told = own.visit(_Told(indent) if _MAPPER in rewriting.graft.attributes else _Renamed())
        return with_method(node, own, told) if isinstance(told, cst.FunctionDef) else node
    loader = rewriting.graft.methods[_LOADER]
    parts = written(_around(rewriting, loader, own=own is not None))
    if _MAPPER not in rewriting.graft.attributes:
        parts.append(loader.with_changes(name=cst.Name(_IMAGE_LOADER)))
    return _split(node, own, parts, added)


def _split(
    node: cst.ClassDef,
    own: cst.FunctionDef | None,
    parts: list[Statement],
    added: list[Statement],
) -> cst.ClassDef:
    """Put a loader in front of the class's own, which keeps its work by another name."""
    body = statements(node)
    added += parts
    parts = [apart(one) for one in parts]
    if own is None:
        return with_statements(node, [*body, *parts])
    text = own.with_changes(name=cst.Name(_TEXT_LOADER))
    place = body.index(own)
    return with_statements(node, [*body[:place], *parts, apart(text), *body[place + 1 :]])


def _around(rewriting: Rewriting, loader: cst.FunctionDef, *, own: bool) -> str:
    """Write a loader that gives the encoder its weights, and hands the others on.

    In the first API names are a function's and the loading is as in the port's own.
    """
    signature = loader.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]))
    head = code_of(signature).strip().removesuffix("pass").strip()
    current = _MAPPER in rewriting.graft.attributes
    names = f"self.{_MAPPER}.apply(weights)" if current else f"{_RENAMES}(weights)"
    load = "loader.load_weights" if current else f"self.{_IMAGE_LOADER}"
    load += "([(name, weight)])"
    rest = f"self.{_TEXT_LOADER}(text_weights())" if own else "super().load_weights(text_weights())"
    tells = loader.returns is not None and dotted(loader.returns.annotation) != "None"
    begin = "    loader = AutoWeightsLoader(self)\n" if current else ""
    begin += "    loaded = set()\n" if tells else ""
    names_of_parts = ", ".join(f'"{name}"' for name in _parts(rewriting))
    weight = "tuple[str, torch.Tensor]" if current else "Tuple[str, torch.Tensor]"
    return f"""
{head}
{begin}
    def text_weights() -> Iterator[{weight}]:
        for name, weight in {names}:
            if name.partition(".")[0] in ({names_of_parts}):
                {f"loaded.update({load})" if tells else load}
            else:
                yield name, weight

    {f"return loaded | {rest}" if tells else rest}
"""


class _Renamed(cst.CSTTransformer):
    """Has names changed on their way into the loader: `rename_weights(weights)`."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        if not _is_loading(updated_node):
            return updated_node
        renamed = cst.parse_expression(f"{_RENAMES}(weights)")
        args = [
            arg.with_changes(value=renamed)
            if arg.keyword is None and dotted(arg.value) == "weights"
            else arg
            for arg in updated_node.args
        ]
        return updated_node.with_changes(args=args)


def _walks_modules(loader: cst.FunctionDef) -> bool:
    """Tell a loader that hands the weights, as they come, to `AutoWeightsLoader`."""
    found = [call for call in calls(loader) if _is_loading(call)]
    walks = any(dotted(call.func) == "AutoWeightsLoader" for call in calls(loader))
    return walks and len(found) == 1 and len(statements(loader)) <= 2


def _is_loading(call: cst.Call) -> bool:
    return (
        dotted(call.func).endswith(f".{_LOADER}")
        or (isinstance(call.func, cst.Attribute) and call.func.attr.value == _LOADER)
    ) and any(arg.keyword is None and dotted(arg.value) == "weights" for arg in call.args)


class _Told(cst.CSTTransformer):
    """Adds `mapper=self.hf_to_vllm_mapper` where weights are loaded."""

    def __init__(self, indent: str) -> None:
        self.indent = indent

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        if not _is_loading(updated_node) or any(
            dotted(arg.keyword) == "mapper" for arg in updated_node.args
        ):
            return updated_node
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        told = cst.Arg(
            cst.parse_expression(f"self.{_MAPPER}"), keyword=cst.Name("mapper"), equal=equal
        )
        args = with_item(updated_node.args, len(updated_node.args), told)
        # As much room as `return` leaves in a method.
        width = LINE_LENGTH - len("        return ")
        wider = updated_node.with_changes(args=args)
        return fitting_call(wider, width=width, indent=self.indent)


def _with_flag(node: cst.ClassDef, flag: Statement) -> cst.ClassDef:
    """Say that adapters may be for the encoder too."""
    body = statements(node)
    place = after_attributes(body)
    return with_statements(node, [*body[:place], apart(flag), *body[place:]])


STEP = Step(
    id="weights",
    summary="Names of the whole model's weights, and their loading",
    since="0.11.1",
    reference="vllm.model_executor.models.utils.WeightsMapper, AutoWeightsLoader",
    risk="review",
    apply=_apply,
)
