from collections.abc import Mapping

from vllm.multimodal.inputs import (
    MultiModalDataDict,
    MultiModalInputs,
    MultiModalUUIDDict,
)
from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    # What comes back is changed, what goes in is handed on.
    def apply(
        self,
        prompt: str | list[int],
        mm_data: MultiModalDataDict,
        hf_processor_mm_kwargs: Mapping[str, object],
        tokenization_kwargs: Mapping[str, object] | None = None,
        mm_uuids: MultiModalUUIDDict | None = None,
    ) -> MultiModalInputs:
        """Append an end to the prompt."""
        # The base knows the media.
        result = super().apply(
            prompt,
            mm_data,
            hf_processor_mm_kwargs,
            tokenization_kwargs,
            mm_uuids=mm_uuids,
        )
        if not mm_data:
            return result
        items = self._to_mm_items(mm_data)
        result["prompt_token_ids"].append(items.get_count("image"))
        return result

    def _cached_apply_hf_processor(
        self,
        prompt: str | list[int],
        mm_data_items,
        hf_processor_mm_kwargs: Mapping[str, object],  # the user's
        tokenization_kwargs: Mapping[str, object],
        *,
        mm_uuids: MultiModalUUIDDict | None = None,
    ):
        if mm_data_items.get_count("image", strict=False) > 2:
            return self._apply_hf_processor(
                prompt=prompt,
                mm_data_items=mm_data_items,
                hf_processor_mm_kwargs={**hf_processor_mm_kwargs, "crop": False},
                tokenization_kwargs=tokenization_kwargs,
                mm_uuids=mm_uuids,
            )
        return super()._cached_apply_hf_processor(
            prompt=prompt,
            mm_data_items=mm_data_items,
            hf_processor_mm_kwargs=hf_processor_mm_kwargs,
            tokenization_kwargs=tokenization_kwargs,
            mm_uuids=mm_uuids,
        )
