# vLLM 0.29.0
import vllm.envs as envs
from vllm.multimodal.processing import BaseMultiModalProcessor

FLAG = envs.VLLM_WHATEVER_IS_MADE_ON_DEMAND


class MyProcessor(BaseMultiModalProcessor):
    def _helper(self):
        return self.own_attribute

    def _apply_hf_processor_main(self, *args, **kwargs):
        return self._helper()
