"""What a text class lacks of a multimodal one, taken from a port of the same model.

A port that `scaffold` writes holds everything that such a class needs: classes that
process items, an encoder, a connector, methods that make features. What of its model
class is about media is the graft; what is about the language model, the text class
has itself. So `rewrite` and `scaffold` write the same code, for every era.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import libcst as cst

from mmport.codemods.classes import (
    STATEMENTS,
    Statement,
    assigned,
    base_names,
    block,
    calls,
    find_class,
    is_docstring,
    method,
    names_in,
    statements,
    with_method,
    with_statements,
)
from mmport.codemods.imports import Imported, dotted, imported_names
from mmport.codemods.printing import code_of

VLM_CONFIG = "self.vlm_config"
"""Where a rewritten class keeps the config of the whole model; `self.config` is its text's."""
WHOLE = "vlm_vllm_config"
"""What its constructor calls vLLM's config of the whole model."""

_LOCALS = {
    "config": VLM_CONFIG,
    "multimodal_config": f"{WHOLE}.model_config.multimodal_config",
    "quant_config": f"{WHOLE}.quant_config",
    "vllm_config": WHOLE,
}


@dataclass(frozen=True, slots=True)
class DonorFacts:
    """What has to be known of the port that a graft is taken from.

    `language_model` is the attribute in which its class holds the language model, and
    `inner` that one's for its decoder. `decoder` is what the text class calls its own.
    """

    class_name: str
    language_model: str
    inner: str = "model"
    decoder: str = "model"


@dataclass(frozen=True, slots=True)
class Graft:
    """Code of a port, ready to be put into a text class.

    `helpers` stand above the class; `attributes` are of its body, by name;
    `methods` its methods, by name; `constructor` what the end of `__init__` builds;
    `decorators` and `bases` are the class's. `imports` are of everything.
    """

    imports: Mapping[str, Imported]
    helpers: tuple[Statement, ...]
    bases: tuple[str, ...]
    decorators: tuple[cst.Decorator, ...]
    attributes: Mapping[str, Statement]
    methods: Mapping[str, cst.FunctionDef]
    parameters: tuple[cst.Param, ...]
    """Of the port's constructor."""
    constructor: tuple[Statement, ...]

    @property
    def gets_vllm_config(self) -> bool:
        """Whether constructors of the era are given all of vLLM's config, not parts of it."""
        return any(one.name.value == "vllm_config" for one in self.parameters)

    @property
    def marks_parts(self) -> bool:
        """Whether the era has constructors say which parts are what."""
        return any(isinstance(one, cst.With) for one in self.constructor)

    @property
    def merges_in_forward(self) -> bool:
        """Whether the era has `forward` merge features with the text; later, the engine does."""
        return "embed_multimodal" not in self.methods

    def imports_of(self, nodes: Iterable[cst.CSTNode]) -> list[Imported]:
        """Give the imports of what nodes mention, in the order of the port."""
        mentioned = names_in(nodes)
        return [one for name, one in self.imports.items() if name in mentioned]

    def helper_names(self) -> list[str]:
        """Name what the helpers define."""
        return [name for one in self.helpers if (name := defined(one))]


def graft_text(donor: str, facts: DonorFacts) -> str:
    """Write the graft of a port as a module of its own, to be laid out and then read."""
    module = cst.parse_module(donor)
    model = find_class(module, facts.class_name)
    changed = _renamed(_without_language_model(model, facts), facts)
    body = [changed if one is model else one for one in module.body]
    return module.with_changes(body=body).code


def read_graft(text: str, class_name: str) -> Graft:
    """Read what `graft_text` wrote."""
    module = cst.parse_module(text)
    model = find_class(module, class_name)
    init = method(model, "__init__")
    return Graft(
        imports=imported_names(module),
        helpers=tuple(_helpers(module, model)),
        bases=tuple(base_names(model)),
        decorators=tuple(model.decorators),
        attributes={name: one for one in statements(model) if (name := assigned(one))},
        methods={
            one.name.value: one
            for one in statements(model)
            if isinstance(one, cst.FunctionDef) and one.name.value != "__init__"
        },
        parameters=(*init.params.params, *init.params.kwonly_params) if init is not None else (),
        constructor=tuple(statements(init)) if init is not None else (),
    )


def is_grafted(node: cst.ClassDef) -> bool:
    """Tell a class that a graft was put into before, in whole or in part."""
    return VLM_CONFIG in cst.Module([node]).code


def defined(statement: Statement) -> str:
    """Name what a statement of a module's top level defines."""
    if isinstance(statement, cst.ClassDef | cst.FunctionDef):
        return statement.name.value
    return assigned(statement)


def _helpers(module: cst.Module, model: cst.ClassDef) -> Iterable[Statement]:
    for one in module.body:
        plain = isinstance(one, cst.SimpleStatementLine) and all(
            isinstance(part, cst.Import | cst.ImportFrom) for part in one.body
        )
        if one is not model and not plain and not is_docstring(one):
            yield one


def _without_language_model(model: cst.ClassDef, facts: DonorFacts) -> cst.ClassDef:
    """Leave out of a port's constructor what the text class's own does."""
    init = method(model, "__init__")
    assert init is not None  # noqa: S101 - a port has a constructor
    held = f"self.{facts.language_model}"
    kept: list[Statement] = []
    for one in statements(init):
        inside = block(one.body) if isinstance(one, cst.With) else []
        if held in map(assigned, inside):
            kept += [inner for inner in inside if assigned(inner) != held]
        elif not _is_of_the_text_class(one, held):
            kept.append(one)
    return with_method(model, init, with_statements(init, kept))


_OWN = (
    "multimodal_config",
    "quant_config",
    "self.config",
    "self.make_empty_intermediate_tensors",
    "self.packed_modules_mapping",
    "self.supports_tower_connector_lora",
    "tower_modules",
)
"""What the constructor of any text class sets by itself, or has from its own table."""


def _is_of_the_text_class(statement: Statement, held: str) -> bool:
    """Tell what a text class does by itself: its base's constructor, its own attributes."""
    if assigned(statement) in (*_OWN, held):
        return True
    # How the port finds a class for its text, which here is the class itself.
    if not isinstance(statement, cst.With) and ".architectures" in code_of(statement):
        return True
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__"
        for call in calls(statement)
    )


def _renamed(model: cst.ClassDef, facts: DonorFacts) -> cst.ClassDef:
    """Have the port's class speak of things by the names that a text class has for them."""
    held, decoder = f"self.{facts.language_model}", f"self.{facts.decoder}"
    methods = {"self.config": VLM_CONFIG, f"{held}.{facts.inner}": decoder, held: decoder}
    parameters = _parameter_names(model)
    constructor = {"self.config": VLM_CONFIG, held: "self"}
    # What it is given as a parameter, a text class is given too.
    constructor |= {
        name: other
        for name, other in _LOCALS.items()
        if name == "vllm_config" or name not in parameters or name == "config"
    }
    body = [
        one.visit(_Renamer(constructor if _is_constructor(one) else methods))
        for one in statements(model)
    ]
    return with_statements(model, [one for one in body if isinstance(one, STATEMENTS)])


def _parameter_names(model: cst.ClassDef) -> set[str]:
    init = method(model, "__init__")
    params = init.params if init is not None else cst.Parameters()
    return {one.name.value for one in (*params.params, *params.kwonly_params)}


def _is_constructor(statement: Statement) -> bool:
    return isinstance(statement, cst.FunctionDef) and statement.name.value == "__init__"


class _Renamer(cst.CSTTransformer):
    """Puts other expressions in the place of names and chains of attributes.

    Names of somebody else stay: of attributes, keywords and parameters.
    """

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self.renamed = renamed
        self.others = 0

    def leave_Name(  # noqa: N802
        self, original_node: cst.Name, updated_node: cst.Name
    ) -> cst.BaseExpression:
        return updated_node if self.others else self._other(original_node, updated_node)

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        return dotted(node) not in self.renamed

    def leave_Attribute(  # noqa: N802
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._other(original_node, updated_node)

    def _other(self, node: cst.BaseExpression, updated: cst.BaseExpression) -> cst.BaseExpression:
        other = self.renamed.get(dotted(node))
        return updated if other is None else cst.parse_expression(other)

    def _enter(self, node: cst.CSTNode) -> None:
        self.others += 1

    def _leave(self, node: cst.CSTNode) -> None:
        self.others -= 1

    visit_Attribute_attr = visit_Arg_keyword = visit_Param_name = _enter  # noqa: N815
    leave_Attribute_attr = leave_Arg_keyword = leave_Param_name = _leave  # noqa: N815
