from collections.abc import Mapping

from transformers import BatchFeature

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.cache import BaseMultiModalProcessorCache
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.parse import MultiModalDataParser
from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
)
from vllm.multimodal.profiling import BaseDummyInputsBuilder


class FinchInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}


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
    def _get_data_parser(self) -> MultiModalDataParser:
        # Recordings of song, at the rate of the field recorder.
        return MultiModalDataParser(target_sr=self.info.get_hf_config().rate)

    def _call_hf_processor(
        self,
        prompt: str,
        mm_data: Mapping[str, object],
        mm_kwargs: Mapping[str, object],
        tok_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        outputs = super()._call_hf_processor(prompt, mm_data, mm_kwargs, tok_kwargs)
        outputs["sizes"] = [one.shape for one in outputs.get("pixel_values", [])]
        return outputs

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {"pixel_values": MultiModalFieldConfig.batched("image")}

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        return [
            PromptReplacement(modality="image", target="<bird>", replacement="<bird><tail>"),
        ]


def _build_processor(
    info: FinchInfo,
    dummy_inputs: BaseDummyInputsBuilder[FinchInfo],
    *,
    cache: BaseMultiModalProcessorCache | None = None,
) -> FinchProcessor:
    return FinchProcessor(info, dummy_inputs, cache=cache)


@MULTIMODAL_REGISTRY.register_processor(
    FinchProcessor, info=FinchInfo, dummy_inputs=FinchDummyInputs
)
class Finch(SupportsMultiModal):
    def embed_multimodal(self, **kwargs: object):
        return self._encode(kwargs["pixel_values"])
