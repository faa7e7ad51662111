from vllm.multimodal.inputs import MultiModalKwargs
from vllm.multimodal.processing import BaseMultiModalProcessor, PromptReplacement


class Processor(BaseMultiModalProcessor):
    def _get_prompt_updates(
        self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs: MultiModalKwargs
    ):
        out_mm_data = out_mm_kwargs.get_data()
        vocab = self.info.get_tokenizer().get_vocab()

        def replacement(item_idx: int):
            grid = out_mm_data["image_grid_thw"][item_idx]  # by item
            return [vocab["<image>"]] * int(grid.prod())

        return [PromptReplacement(modality="image", target=[1], replacement=replacement)]
