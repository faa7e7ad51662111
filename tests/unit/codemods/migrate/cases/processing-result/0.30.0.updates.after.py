from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor
from vllm.multimodal.processing.processor import MultiModalProcessingResult


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _maybe_apply_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        mm_res: MultiModalProcessingResult,
    ):
        prompt_ids = mm_res.prompt_ids
        mm_kwargs = mm_res.kwargs
        counts = mm_items.get_all_counts()
        if not counts:
            return super()._maybe_apply_prompt_updates(mm_items, mm_res)
        self._validate_mm_kwargs(mm_kwargs, counts)
        return super()._maybe_apply_prompt_updates(
            mm_items,
            mm_res._replace(prompt_ids=prompt_ids[1:]),
        )
