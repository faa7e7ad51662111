"""How many tokens LoRA sees in tower and connector is asked by one method."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import first_method, put_method
from mmport.codemods.migrate.reading import Reading

_TOWER, _CONNECTOR = "get_num_mm_encoder_tokens", "get_num_mm_connector_tokens"
_NEW = "get_mm_lora_token_counts"
_FLAG = "supports_tower_connector_lora"
_CODE = f"""
def {_NEW}(
    self,
    *,
    modality: str,
    mm_kwargs: "MultiModalKwargsItem | None",
    num_mm_embeds: int,
) -> tuple[int, int | None]:
    num_tower_tokens = self.{_TOWER}(num_mm_embeds)
    return num_tower_tokens, @
"""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        if _TOWER in item.methods and not item.own(_NEW):
            both = item.own(_CONNECTOR)
            counts = f"self.{_CONNECTOR}(num_tower_tokens)" if both else "None"
            last = item.methods[_CONNECTOR if both else _TOWER]
            body = item.node.body
            place = body.index(last) + 1 if last in body else len(body)
            before = body[place] if place < len(body) else None
            put_method(reading, item, _CODE.replace("@", counts), edits, before=before)
            edits.need("vllm.multimodal.inputs", "MultiModalKwargsItem")
            if not item.own(_FLAG):
                put_method(reading, item, f"{_FLAG} = True", edits, before=first_method(item))
    return edits


CODEMOD = Codemod(
    id="lora-token-counts",
    summary=f"{_NEW} gives what {_TOWER} and {_CONNECTOR} gave",
    since="0.32.0",
    instead=_NEW,
    reference=f"SupportsMultiModal.{_NEW}",
    risk="safe",
    apply=_apply,
    serves="",
)
