from functools import partial

from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    PromptInsertion,
    PromptReplacement,
    PromptUpdateDetails,
)


class Processor(BaseMultiModalProcessor):
    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        processor = self.info.get_hf_processor()
        image_token = processor.image_token
        image_token_id = processor.image_token_id

        def details(item_idx: int) -> PromptUpdateDetails[str]:
            text = f"<{item_idx}>" + image_token
            return PromptUpdateDetails.select_text(text, image_token)

        def ids(item_idx: int, width: int):
            return [image_token_id] * width

        def unknown(item_idx: int):
            return processor.expand(item_idx)

        return [
            PromptReplacement(modality="image", target="<image>", replacement=details),
            PromptReplacement(
                modality="image", target=[image_token_id], replacement=partial(ids, width=4)
            ),
            PromptInsertion(modality="video", target=image_token, insertion=unknown),
        ]
