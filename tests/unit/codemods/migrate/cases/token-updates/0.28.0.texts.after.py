from functools import partial

from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    PromptInsertion,
    PromptReplacement,
    PromptUpdateDetails,
    cached_encode,
)


def _token_ids(tokenizer, content):
    """Encode a text; token ids and details stay as they are."""
    if isinstance(content, str):
        return cached_encode(tokenizer, content, add_special_tokens=False)
    return content


class Processor(BaseMultiModalProcessor):
    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        tokenizer = self.info.get_tokenizer()
        processor = self.info.get_hf_processor()
        image_token = processor.image_token
        image_token_id = processor.image_token_id

        def details(item_idx: int) -> PromptUpdateDetails:
            text = f"<{item_idx}>" + image_token
            return PromptUpdateDetails.select_token_ids(
                cached_encode(tokenizer, text, add_special_tokens=False),
                cached_encode(tokenizer, image_token, add_special_tokens=False),
            )

        def ids(item_idx: int, width: int):
            return [image_token_id] * width

        def unknown(item_idx: int):
            return _token_ids(tokenizer, processor.expand(item_idx))

        return [
            PromptReplacement(modality="image", target=cached_encode(
                tokenizer,
                "<image>",
                add_special_tokens=False,
            ), replacement=details),
            PromptReplacement(
                modality="image", target=[image_token_id], replacement=partial(ids, width=4)
            ),
            PromptInsertion(modality="video", target=cached_encode(
                tokenizer,
                image_token,
                add_special_tokens=False,
            ), insertion=unknown),
        ]
