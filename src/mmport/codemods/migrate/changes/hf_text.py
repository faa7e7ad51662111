"""HF's processor is given text only where the class says which: the dummy text, as before."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import first_method, put_method
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import reaches

_PROCESSOR = "BaseMultiModalProcessor"
NAME = "_get_hf_mm_text"
_REGISTERED = "0.7.0"
"""The first release in which a processor is registered as it is now."""
_EARLIER = ("_get_hf_processor_text",)
_WHOLE = ("_apply_hf_processor_main", "apply")
_CODE = f"""
def {NAME}(self, mm_counts: Mapping[str, int]) -> str:
    return self.dummy_inputs.get_dummy_text(mm_counts)
"""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    if not reaches(reading.origin, _REGISTERED):
        return edits  # such a file had no processor: what there is was written for the target
    for item in reading.heirs(_PROCESSOR):
        above = reading.local_parents(item)
        has = any(one.own(name) for one in (item, *above) for name in (NAME, *_EARLIER, *_WHOLE))
        heir = any(reading.family(one) & {_PROCESSOR} for one in above)
        if not has and not heir and not reading.inherits_model(item):
            put_method(reading, item, _CODE, edits, before=first_method(item))
            edits.need("collections.abc", "Mapping")
    return edits


CODEMOD = Codemod(
    id="hf-text",
    summary="HF's processor is given the dummy text with the media, as it was before",
    since="0.29.0",
    instead=NAME,
    reference="BaseMultiModalProcessor._get_hf_mm_text",
    risk="review",
    apply=_apply,
    serves="",
)
