from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _maybe_apply_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        prompt_ids: list[int],
        mm_kwargs,
        mm_prompt_updates,
    ):
        counts = mm_items.get_all_counts()
        if not counts:
            return super()._maybe_apply_prompt_updates(
                mm_items, prompt_ids, mm_kwargs, mm_prompt_updates
            )
        self._validate_mm_kwargs(mm_kwargs, counts)
        return super()._maybe_apply_prompt_updates(
            mm_items=mm_items,
            prompt_ids=prompt_ids[1:],
            mm_kwargs=mm_kwargs,
            mm_prompt_updates=mm_prompt_updates,
        )
