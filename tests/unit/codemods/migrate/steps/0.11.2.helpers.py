from vllm.logger import init_logger
from vllm.model_executor.models.vision import get_llm_pos_ids_for_vision
from vllm.multimodal.processing import BaseMultiModalProcessor, PromptReplacement
from vllm.multimodal.profiling import BaseDummyInputsBuilder
from vllm.transformers_utils.tokenizer import decode_tokens, encode_tokens

logger = init_logger(__name__)


class Dummies(BaseDummyInputsBuilder):
    def get_dummy_text(self, mm_counts):
        return "<image>" * mm_counts.get("image", 0)

    def get_dummy_mm_data(self, seq_len, mm_counts):
        count = mm_counts.get("image", 0)
        return {"image": self._get_dummy_images(width=8, height=8, num_images=count)}


class Processor(BaseMultiModalProcessor):
    def text(self, tokens):
        tokenizer = self.info.get_tokenizer()
        return encode_tokens(tokenizer, decode_tokens(tokenizer, tokens))

    def positions(self, start, grid):
        return get_llm_pos_ids_for_vision(start, 0, 2, [0], grid[:, 1], grid[:, 2])

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        marks = self.info.marks()
        return [PromptReplacement(modality="image", target="<image>", replacement=marks)]
