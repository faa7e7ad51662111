"""A config as hub repos bring it: two parts, one under a name of its own."""

from transformers import CONFIG_MAPPING, PretrainedConfig


class EmberConfig(PretrainedConfig):
    model_type = "ember"

    def __init__(
        self,
        vision_config=None,
        llm_config=None,
        image_token_id=151655,
        merge=2,
        **kwargs,
    ):
        vision = dict(vision_config or {"model_type": "siglip_vision_model"})
        language = dict(llm_config or {"model_type": "qwen2"})
        self.vision_config = CONFIG_MAPPING[vision["model_type"]](**vision)
        self.llm_config = CONFIG_MAPPING[language["model_type"]](**language)
        self.image_token_id = image_token_id
        self.merge = merge
        super().__init__(**kwargs)

    def get_text_config(self, *args, **kwargs):
        return self.llm_config
