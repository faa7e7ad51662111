"""What a class's own positions of tokens are computed from, besides the tokens."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from mmport.anatomy.classes import Method, ModelClass, names, own_attribute
from mmport.anatomy.features.flow import Flow
from mmport.anatomy.features.tokens import modality_of
from mmport.anatomy.parameters import arguments_of
from mmport.model.spec import PositionValue

POSITIONS = "get_rope_index"


def position_inputs(model: ModelClass) -> tuple[str, ...]:
    """Name what the class's method for positions takes besides ids; none if it has none.

    Switches are left out: they stay as they are by default.
    """
    method = model.method(POSITIONS)
    return tuple(
        one.arg
        for one in (method.parameters if method else ())
        if one.arg != "input_ids" and not _is_switch(one)
    )


def _is_switch(parameter: ast.arg) -> bool:
    return isinstance(parameter.annotation, ast.Name) and parameter.annotation.id == "bool"


def first_position(forward: Method) -> int:
    """Read where a `forward` begins to count: `position_ids = … + 1`."""
    for node in ast.walk(forward.node):
        match node:
            case ast.Assign(
                targets=[ast.Name(id="position_ids")],
                value=ast.BinOp(op=ast.Add(), right=ast.Constant(value=int(first))),
            ):
                return first
    return 0


def position_values(
    model: ModelClass, flow: Flow, fields: Mapping[str, str], taken: Collection[str]
) -> tuple[PositionValue, ...]:
    """Find which of these `forward` computes from a single output of the processor.

    What it hands on as it is is among them where no features are made of it.

    Args:
        model: the class.
        flow: of its `forward`.
        fields: the processor's outputs by the names that they have in the flow.
        taken: outputs that features are made of.
    """
    assigned = {
        statement.targets[0].id: statement.value
        for statement in flow.statements
        if isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    }
    outputs = {*(one.arg for one in flow.method.parameters), *fields}
    found = []
    for parameter, name in _given(model, flow.method).items():
        value = assigned.get(name)
        if value is None and name in outputs and modality_of([name]) != "image":
            field = fields.get(name, name)
            if field not in taken:
                found.append(PositionValue(parameter, field, name, name))
        used = (names(value) - {"torch"}) if value is not None else set()
        if value is not None and len(used) == 1 and used <= fields.keys():
            (variable,) = used
            found.append(PositionValue(parameter, fields[variable], variable, ast.unparse(value)))
    return tuple(found)


def _given(model: ModelClass, forward: Method) -> dict[str, str]:
    """Say which variable of `forward` each parameter of the method for positions is given."""
    method = model.method(POSITIONS)
    if method is None:
        return {}
    for call in _own_calls(forward.node):
        between = model.method(own_attribute(call.func) or "")
        if between is None:
            continue
        if between.node.name == POSITIONS:
            return _variables(method, call)
        for inner in _own_calls(between.node):
            if own_attribute(inner.func) == POSITIONS:
                outer = _variables(between, call)
                told = _variables(method, inner)
                return {one: outer[name] for one, name in told.items() if name in outer}
    return {}


def _own_calls(node: ast.AST) -> Iterator[ast.Call]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and own_attribute(part.func) is not None:
            yield part


def _variables(method: Method, call: ast.Call) -> dict[str, str]:
    given = arguments_of(call, (one.arg for one in method.parameters))
    return {name: value.id for name, value in given.items() if isinstance(value, ast.Name)}
