"""What kind of module a call makes, in words that are the same for the same computation."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from mmport.anatomy.classes import ModelClass
from mmport.anatomy.decoder.settled import UNSETTLED, settle

_WITHOUT_PARAMETERS = ("Dropout", "Identity", "Buffer")
_EPSILONS = frozenset({"eps", "variance_epsilon"})
_BASES = ("Module", "Model", "Layer", "Norm", "Linear", "Embedding")


def torch_kind(call: ast.Call, scope: Mapping[str, Any]) -> str | None:
    """Describe a module of torch; empty without parameters, None for no such module."""
    text = ast.unparse(call.func)
    if not text.startswith(("nn.", "torch.nn.")):
        return None
    if text.endswith(_WITHOUT_PARAMETERS):
        return ""
    name = last_name(call.func)
    return _known(name, call, scope) or f"{name} of {_arguments(call, scope)}"


def inherited_kind(found: ModelClass, call: ast.Call, scope: Mapping[str, Any]) -> str | None:
    """Describe what a class is by torch's class that it inherits from, a scaled embedding say."""
    if found.method("__init__") is None:
        return None
    kinds = (_known(name, call, scope) for name in sorted(roots(found)))
    return next((kind for kind in kinds if kind is not None), None)


def is_module(found: ModelClass) -> bool:
    """Tell whether a class is a module, by the names of its bases."""
    return any(name.endswith(_BASES) for name in roots(found))


def roots(found: ModelClass) -> set[str]:
    """Name the bases of a class and of its bases, torch's among them."""
    return {last_name(base) for item in found.lineage for base in item.node.bases}


def norm_kind(found: ModelClass, call: ast.Call, scope: Mapping[str, Any]) -> str | None:
    """Describe a norm by what its `forward` computes; None for what is no norm."""
    methods = (found.method("forward"), found.method("_norm"))
    text = "\n".join(ast.unparse(method.node) for method in methods if method is not None)
    if "rsqrt" not in text and not (".pow(" in text and "-0.5" in text):
        return None
    made = [(name, last_name(value.func)) for name, value in _calls(found)]
    if any(kind == "Linear" for _, kind in made):
        return None
    bound = bound_arguments(found, call, scope)
    size = next((value for name, value in bound.items() if name not in _EPSILONS), UNSETTLED)
    what = "layer" if " - mean" in text else "rms"
    weights = sorted({name for name, kind in made if kind == "Parameter"})
    if bound.get("with_scale", True) is False:
        weights = []
    offset = "1 + " if "1.0 + self." in text or "1 + self." in text else ""
    gated = ", gated" if "gate" in text else ""
    return f"{what} norm {size!r}, {offset}{' and '.join(weights) or 'no weight'}{gated}"


def bound_arguments(found: ModelClass, call: ast.Call, scope: Mapping[str, Any]) -> dict[str, Any]:
    """Bind a call's arguments to the parameters of the `__init__` that it runs."""
    init = found.method("__init__")
    names = [parameter.arg for parameter in init.parameters] if init else []
    bound = {name: settle(value, scope) for name, value in zip(names, call.args, strict=False)}
    return bound | {word.arg: settle(word.value, scope) for word in call.keywords if word.arg}


def last_name(node: ast.expr) -> str:
    """Give the last part of a dotted name."""
    return ast.unparse(node).partition("[")[0].rpartition(".")[2]


def _calls(found: ModelClass) -> list[tuple[str, ast.Call]]:
    return [(name, value) for name, value in found.attributes() if isinstance(value, ast.Call)]


def _known(name: str, call: ast.Call, scope: Mapping[str, Any]) -> str | None:
    given = [settle(value, scope) for value in call.args]
    named = {word.arg: settle(word.value, scope) for word in call.keywords if word.arg}
    match name:
        case "Linear":
            sizes = [*given, named.get("in_features"), named.get("out_features")]
            bias = named.get("bias", given[2] if len(given) > 2 else True)
            return f"linear {sizes[0]!r} to {sizes[1]!r}, bias {bias!r}"
        case "Embedding":
            size = given[1] if len(given) > 1 else named.get("embedding_dim")
            return f"embedding {size!r}"
        case "Parameter":
            return "parameter"
        case "LayerNorm":
            return f"layer norm {given[0] if given else UNSETTLED!r}, weight and bias"
        case "RMSNorm":
            return f"rms norm {given[0] if given else UNSETTLED!r}, weight"
    return None


def _arguments(call: ast.Call, scope: Mapping[str, Any]) -> str:
    """Give a call's arguments, by their values where these are settled."""
    words = [(f"{word.arg}=", word.value) for word in call.keywords]
    told = []
    for prefix, value in [*(("", item) for item in call.args), *words]:
        settled = settle(value, scope)
        told.append(prefix + (ast.unparse(value) if settled is UNSETTLED else repr(settled)))
    return f"({', '.join(told)})"
