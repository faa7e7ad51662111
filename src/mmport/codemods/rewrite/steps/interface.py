"""The class gains `SupportsMultiModal`."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import base_names, find_class, lineage, replace_class
from mmport.codemods.imports import with_imports
from mmport.codemods.lists import LINE_LENGTH, one_a_line, with_item
from mmport.codemods.outcome import Changed, Outcome, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step


def interface_of(rewriting: Rewriting) -> str:
    """Name the protocol that multimodal classes of the target have."""
    return next(name for name in rewriting.graft.bases if name in PROTOCOLS)


PROTOCOLS = ("SupportsMultiModal", "SupportsVision")


def is_multimodal(module: cst.Module, node: cst.ClassDef) -> bool:
    """Tell whether a class has the protocol, by itself or by a class of its module."""
    names = {name.rpartition(".")[2] for one in lineage(module, node) for name in base_names(one)}
    return bool(names & set(PROTOCOLS))


def inherited_model(node: cst.ClassDef) -> str:
    """Name the base from which a class has a model's methods; empty where they are its own."""
    names = base_names(node)
    if any(name.rpartition(".")[2] == "Module" for name in names):
        return ""
    models = [name for name in names if not name.startswith("Supports") and name != "object"]
    return next((name for name in models if name and not name.endswith("Mixin")), "")


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    if is_multimodal(module, node):
        return Unchanged()
    protocol = interface_of(rewriting)
    added = cst.Arg(cst.Name(protocol))
    changed = _with_base(node, added, _among_interfaces(node, protocol), module)
    module = with_imports(replace_class(module, changed), [rewriting.graft.imports[protocol]])
    return Changed(module, f"{rewriting.class_name} gains {protocol}")


def _among_interfaces(node: cst.ClassDef, protocol: str) -> int:
    """Say where a protocol goes: in order among those that are there, else last."""
    names = base_names(node)
    later = [
        place for place, name in enumerate(names) if name.startswith("Supports") and name > protocol
    ]
    return later[0] if later else len(names)


def _with_base(node: cst.ClassDef, added: cst.Arg, place: int, module: cst.Module) -> cst.ClassDef:
    # Bases and keywords (a metaclass) are parted alike, and stand in one pair of brackets.
    count = len(node.bases) + 1
    args = with_item([*node.bases, *node.keywords], place, added)
    wider = _with_args(node, args, count, _or_new(node.lpar, cst.LeftParen()))
    head = wider.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]), leading_lines=())
    line = module.code_for_node(head.with_changes(decorators=())).removesuffix(" pass\n")
    if "\n" in line or len(line) <= LINE_LENGTH:
        return wider
    broken, args = one_a_line(args, module.default_indent, within=False)
    return _with_args(wider, args, count, cst.LeftParen(whitespace_after=broken))


def _with_args(
    node: cst.ClassDef, args: list[cst.Arg], count: int, lpar: cst.LeftParen
) -> cst.ClassDef:
    return node.with_changes(
        bases=args[:count],
        keywords=args[count:],
        lpar=lpar,
        rpar=node.rpar if isinstance(node.rpar, cst.RightParen) else cst.RightParen(),
    )


def _or_new(paren: cst.LeftParen | cst.MaybeSentinel, new: cst.LeftParen) -> cst.LeftParen:
    return paren if isinstance(paren, cst.LeftParen) else new


STEP = Step(
    id="interface",
    summary="The class gains the protocol of multimodal models",
    since="0.5.1",
    reference="vllm.model_executor.models.interfaces",
    risk="none",
    apply=_apply,
)
