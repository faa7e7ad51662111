"""`get_dummy_mm_data` is given options, and passes them on to what makes the data."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument, append_parameters
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_NAME, _OPTIONS = "get_dummy_mm_data", "mm_options"
_MAKERS = re.compile(r"_get_dummy_(image|video|audio)s")


def _apply(reading: Reading) -> Edits:
    return _options(reading, bridge=False)


def _bridge(reading: Reading) -> Edits:
    """Take the options, and leave them: what makes the data had no use for any before."""
    return _options(reading, bridge=True)


def _options(reading: Reading, *, bridge: bool) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseDummyInputsBuilder"):
        method = item.methods.get(_NAME)
        if method is None or method.args.vararg or method.args.kwarg:
            continue
        names = [one.arg for one in (*method.args.args, *method.args.kwonlyargs)]
        if len(names) == 3 and bridge:
            append_parameters(reading, method, [f"{_OPTIONS}: object = None"], edits)
        elif len(names) == 3:
            _with_options(reading, method, edits)
            for part in ast.walk(method):
                if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                    _passed_on(reading, part, edits)
    return edits


def _with_options(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    edits.need("vllm.config.multimodal", "BaseDummyOptions")
    edits.need("collections.abc", "Mapping")
    append_parameters(
        reading, method, [f"{_OPTIONS}: Mapping[str, BaseDummyOptions] | None = None"], edits
    )


def _passed_on(reading: Reading, call: ast.Call, edits: Edits) -> None:
    assert isinstance(call.func, ast.Attribute)  # noqa: S101 - the caller looked
    made = _MAKERS.fullmatch(call.func.attr)
    given = {one.arg for one in call.keywords}
    if made and call.keywords and "overrides" not in given and None not in given:
        asked = f'{_OPTIONS}.get("{made.group(1)}") if {_OPTIONS} else None'
        append_argument(reading, call, f"overrides={asked}", edits)
    elif call.func.attr == _NAME and len(call.args) == 2 and not call.keywords:
        end = reading.span(call.args[-1])[1]
        edits.put(end, end, f", {_OPTIONS}")


CODEMOD = Codemod(
    id="dummy-options",
    summary=f"{_NAME} takes {_OPTIONS} and passes them on as overrides",
    since="0.11.1",
    instead=f"{_NAME}(seq_len, mm_counts, {_OPTIONS})",
    reference=f"BaseDummyInputsBuilder.{_NAME}",
    risk="safe",
    apply=_apply,
    serves="",
    bridge=_bridge,
)
