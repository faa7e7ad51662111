from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo, PromptReplacement


class Info(BaseProcessingInfo):
    def frames(self, count: int) -> str:
        placeholder = []
        placeholder.extend([7] * count)
        return placeholder


class Processor(BaseMultiModalProcessor[Info]):
    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        def frames(item_idx: int):
            placeholder = self.info.frames(item_idx)
            return placeholder

        return [PromptReplacement(modality="video", target=[7], replacement=frames)]
