from collections.abc import Mapping
from typing import Any

from transformers import BatchFeature

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.parse import MultiModalDataParser
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
)

try:
    from vllm.multimodal.processing import cached_encode
except ImportError:  # vLLM before 0.29.0
    try:
        from vllm.multimodal.processing.processor import _cached_encode as cached_encode
    except ImportError:  # vLLM before 0.15.0
        from vllm.multimodal.processing import _cached_encode as cached_encode


class FinchInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_data_parser(self) -> MultiModalDataParser:
        # Recordings of song, at the rate of the field recorder.
        return MultiModalDataParser(target_sr=self.get_hf_config().rate)


class FinchDummyInputs(BaseDummyInputsBuilder[FinchInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return "<bird>" * mm_counts.get("image", 0)

    def get_dummy_mm_data(self, seq_len, mm_counts, mm_options=None):
        return {
            "image": self._get_dummy_images(
                width=16, height=16, num_images=mm_counts.get("image", 0)
            )
        }


class FinchProcessor(BaseMultiModalProcessor[FinchInfo]):
    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.dummy_inputs.get_dummy_text(mm_counts)

    # What vLLM before 0.31.0 calls it.
    _get_hf_processor_text = _get_hf_mm_text

    def _get_data_parser(self) -> MultiModalDataParser:
        # Recordings of song, at the rate of the field recorder.
        return self.info.get_data_parser()

    def _call_hf_processor(
        self,
        *args: Any,
        **kwargs: Any,
    ) -> BatchFeature:
        outputs = super()._call_hf_processor(*args, **kwargs)
        outputs["sizes"] = [one.shape for one in outputs.get("pixel_values", [])]
        return outputs

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {"pixel_values": MultiModalFieldConfig.batched("image")}

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        tokenizer = self.info.get_tokenizer()
        return [
            PromptReplacement(modality="image", target=cached_encode(
                tokenizer,
                "<bird>",
                add_special_tokens=False,
            ), replacement=cached_encode(
                tokenizer,
                "<bird><tail>",
                add_special_tokens=False,
            )),
        ]


def _build_processor(
    info: FinchInfo,
    dummy_inputs: BaseDummyInputsBuilder[FinchInfo],
    **kwargs: Any,
) -> FinchProcessor:
    return FinchProcessor(info, dummy_inputs, **kwargs)


@MULTIMODAL_REGISTRY.register_processor(
    FinchProcessor, info=FinchInfo, dummy_inputs=FinchDummyInputs
)
class Finch(SupportsMultiModal):
    def embed_multimodal(self, **kwargs: object):
        return self._encode(kwargs["pixel_values"])
