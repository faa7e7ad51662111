# vLLM 0.29.0
import vllm
from vllm.multimodal.processing import BaseMultiModalProcessor

ENGINE = vllm.MadeOnDemand


class MyProcessor(BaseMultiModalProcessor):
    def _helper(self):
        return self.own_attribute

    def _apply_hf_processor_main(self, *args, **kwargs):
        return self._helper()
