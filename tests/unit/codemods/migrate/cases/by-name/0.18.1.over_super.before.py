from vllm.model_executor.models.glm4_1v import Glm4vVisionTransformer
from vllm.model_executor.models.utils import maybe_prefix


class FinchVisionTransformer(Glm4vVisionTransformer):
    def __init__(self, vision_config, norm_eps=1e-5, quant_config=None, prefix=""):
        super().__init__(vision_config, norm_eps, quant_config, prefix)
        self.proj = maybe_prefix(prefix, "proj")


class FinchSpread(Glm4vVisionTransformer):
    def __init__(self, *given):
        super().__init__(*given)
