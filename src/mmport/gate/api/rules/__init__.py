"""The rules on what a file asks of vLLM, one a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mmport.gate.api.hit import Hit
from mmport.gate.api.rules import (
    attributes,
    calls,
    hooks,
    imports,
    missing,
    order,
    overrides,
    prefixes,
    quantization,
    subscripts,
    weights_map,
)
from mmport.gate.rule import Rule
from mmport.usage.view import View

Check = Callable[[View], Iterator[Hit]]

CHECKS: Final[tuple[tuple[Rule, Check], ...]] = tuple(
    (module.RULE, module.check)
    for module in (
        imports,
        hooks,
        missing,
        overrides,
        calls,
        order,
        attributes,
        subscripts,
        prefixes,
        quantization,
        weights_map,
    )
)
API_RULES: Final = tuple(rule for rule, _ in CHECKS)
