from torch import nn

from vllm.model_executor.layers.fused_moe import FusedMoE
from vllm.model_executor.layers.rotary_embedding import get_rope
from vllm.model_executor.models.moonvit import MoonVitPretrainedModel


class Finch(nn.Module):
    def __init__(self, config, parallel, prefix=""):
        super().__init__()
        self.tower = MoonVitPretrainedModel(
            config.vision_config,
            self.use_data_parallel,
            prefix=f"{prefix}.tower",
        )
        self.rope = get_rope(
            head_size=config.head_size,
            rotary_dim=config.hidden_size // config.heads // 2,
            max_position=config.longest,
            base=config.base,
            rope_scaling={"rope_type": "mllama4"},
            is_neox_style=False,
        )
        self.whole = get_rope(config.head_size, config.head_size, 64, config.base, True)
        self.part = get_rope(
            config.head_size,
            rotary_dim=config.head_size,
            max_position=64,
            base=config.base,
            partial_rotary_factor=config.share,
        )

    def experts(self):
        return FusedMoE.make_expert_params_mapping(
            ckpt_gate_proj_name="gate_proj",
            ckpt_down_proj_name="down_proj",
            ckpt_up_proj_name="up_proj",
            num_experts=8,
        )
