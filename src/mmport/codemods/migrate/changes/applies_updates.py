"""Whether HF's processor applies updates is not asked any more: vLLM always does it itself."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_method
from mmport.codemods.migrate.reading import Reading

_NAME = "_hf_processor_applies_updates"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseMultiModalProcessor"):
        if _NAME in item.methods:
            drop_method(reading, item, item.methods[_NAME], edits)
    return edits


CODEMOD = Codemod(
    id="applies-updates-gone",
    summary=f"{_NAME} goes: vLLM applies updates itself, always",
    since="0.29.0",
    instead="nothing",
    reference="BaseMultiModalProcessor._apply_prompt_updates",
    risk="safe",
    apply=_apply,
)
