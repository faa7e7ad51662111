from transformers import LlavaConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.utils import get_layer_index, maybe_prefix


class Finch(LlamaForCausalLM):
    def __init__(self, *, vllm_config, prefix="", layer_type=None):
        # The language model is built from the text config alone.
        vlm_vllm_config = vllm_config
        vllm_config = vlm_vllm_config.with_hf_config(
            vlm_vllm_config.model_config.hf_config.text_config
        )

        with self._mark_language_model(vllm_config):
            super().__init__(
                vllm_config=vllm_config,
                prefix=prefix,
                layer_type=layer_type,
            )

        self.vlm_config: LlavaConfig = vlm_vllm_config.model_config.hf_config

        self.configure_mm_token_handling(
            vocab_size=self.vlm_config.text_config.vocab_size,
            mm_token_ids=[self.vlm_config.image_token_index],
        )

        feature_layers = get_feature_layers(self.vlm_config)
        # The tower is built up to the deepest layer that is selected. If that is
        # the only one, its output is the feature, and no other state is kept.
        self.select_layers = feature_layers if len(feature_layers) > 1 else None

        with self._mark_tower_model(vlm_vllm_config, "image"):
            self.vision_tower = CLIPVisionModel(
                self.vlm_config.vision_config,
                quant_config=vlm_vllm_config.quant_config,
                num_hidden_layers_override=max(
                    get_layer_index(
                        layer, self.vlm_config.vision_config.num_hidden_layers
                    )
                    for layer in feature_layers
                ),
                require_post_norm=False,
                prefix=maybe_prefix(prefix, "vision_tower"),
            )
            self.multi_modal_projector = LlavaMultiModalProjector(
                self.vlm_config,
                quant_config=vlm_vllm_config.quant_config,
                prefix=maybe_prefix(prefix, "multi_modal_projector"),
            )

        # Fused layers are looked up by name, in one table for the whole model. Where the
        # language model fuses layers of the same names otherwise, adapters fit it alone.
        tower_modules = {"qkv_proj": ["q_proj", "k_proj", "v_proj"]}
        self.packed_modules_mapping = tower_modules | self.packed_modules_mapping
        self.supports_tower_connector_lora = all(
            self.packed_modules_mapping[name] == modules
            for name, modules in tower_modules.items()
        )
