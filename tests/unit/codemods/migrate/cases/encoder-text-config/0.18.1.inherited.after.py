from vllm.model_executor.models.glm4_1v import Glm4vVisionTransformer


class FinchVisionTransformer(Glm4vVisionTransformer):
    def __init__(self, vision_config, norm_eps=1e-5, quant_config=None, prefix=""):
        super().__init__(
            vision_config=vision_config,
            norm_eps=norm_eps,
            quant_config=quant_config,
            prefix=prefix,
            text_config=None,
        )

    def rot_pos_emb(self, grid_thw):
        return super().rot_pos_emb(grid_thw)


def encoder(vision_config):
    return Glm4vVisionTransformer(vision_config=vision_config, text_config=None)
