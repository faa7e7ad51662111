"""A function registers the class out of tree, for an entry point of vLLM's plugins."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import apart, names_in, written
from mmport.codemods.imports import Imported, with_imports
from mmport.codemods.outcome import Changed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step

_REGISTRY = Imported("vllm", "ModelRegistry", "ModelRegistry")


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    if rewriting.in_vllm:
        return Skipped("the file is one of vLLM's own models, which its registry lists")
    names = [one.name.value for one in module.body if isinstance(one, cst.FunctionDef)]
    if "ModelRegistry" in names_in([module]):
        return Unchanged()
    if "register" in names:
        return Skipped("the file has a register() of its own, which has to register the class")
    registered = (
        f'f"{{__name__}}:{rewriting.class_name}"' if rewriting.by_name else rewriting.class_name
    )
    table = _TABLE if rewriting.table else ""
    text = _FUNCTION + table
    function = written(
        text.format(
            architecture=rewriting.architecture,
            registered=registered,
            class_name=rewriting.class_name,
        )
    )
    wanted = [_REGISTRY]
    if rewriting.table:
        wanted.append(Imported(rewriting.table, _MODELS, _MODELS))
    body = [*module.body, *(apart(one, 2) for one in function)]
    return Changed(
        with_imports(module.with_changes(body=body), wanted),
        f"register() makes it vLLM's {rewriting.architecture}",
    )


_MODELS = "_MULTIMODAL_MODELS"
_FUNCTION = '''
def register() -> None:
    """Register the model; an entry point of the group `vllm.general_plugins`."""
    ModelRegistry.register_model(
        "{architecture}", {registered}
    )
'''
_TABLE = """
    # Only what stands in this table is taken for multimodal.
    _MULTIMODAL_MODELS["{architecture}"] = (__name__, "{class_name}")
"""

STEP = Step(
    id="registration",
    summary="`register()` makes the class vLLM's for the model's architecture",
    since="0.5.5",
    reference="vllm.general_plugins",
    risk="none",
    apply=_apply,
)
