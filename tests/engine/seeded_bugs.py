"""Bugs that ports have had, seeded into a right one: the text to change, and who must notice."""

from __future__ import annotations

from dataclasses import dataclass

from mmport.model.evidence import Stage


@dataclass(frozen=True, slots=True)
class SeededBug:
    """One edit of a generated model file, and the first stage that it must fail in."""

    name: str
    before: str
    after: str
    stage: Stage
    subject: str
    parts: str = ""
    """Where the modules part: `node` or `edge`, and HF's module; empty: not asked."""


BUGS = (
    SeededBug(
        "feature layer too shallow",
        "return [layers] if isinstance(layers, int) else list(layers)",
        "return [layers - 1] if isinstance(layers, int) else [i - 1 for i in layers]",
        Stage.ENCODER,
        "depth",
    ),
    SeededBug(
        "feature layer too deep",
        "return [layers] if isinstance(layers, int) else list(layers)",
        "return [layers + 1] if isinstance(layers, int) else [i + 1 for i in layers]",
        Stage.ENCODER,
        "model.multi_modal_projector.linear_1",
        "edge model.multi_modal_projector.linear_1",
    ),
    SeededBug(
        "selection drops the last token, not the class token",
        "feature_select_strategy=self.config.vision_feature_select_strategy",
        "feature_select_strategy=lambda features: features[:, :-1]",
        Stage.ENCODER,
        "model.multi_modal_projector.linear_1",
        "edge model.multi_modal_projector.linear_1",
    ),
    SeededBug(
        "activation of the connector",
        "get_act_fn(config.projector_hidden_act)",
        'get_act_fn("relu")',
        Stage.ENCODER,
        "model.multi_modal_projector.linear_2",
        "edge model.multi_modal_projector.linear_2",
    ),
    SeededBug(
        "two norms exchanged",
        "orig_to_new_regex={",
        'orig_to_new_regex={re.compile(r"layer_norm1"): "layer_norm_x",'
        ' re.compile(r"layer_norm2"): "layer_norm1",'
        ' re.compile(r"layer_norm_x"): "layer_norm2",',
        Stage.WEIGHTS,
        "names",
    ),
    SeededBug(
        "query and key exchanged",
        "orig_to_new_regex={",
        'orig_to_new_regex={re.compile(r"(vision_tower.*)q_proj"): r"\\1x_proj",'
        ' re.compile(r"(vision_tower.*)k_proj"): r"\\1q_proj",'
        ' re.compile(r"(vision_tower.*)x_proj"): r"\\1k_proj",',
        Stage.WEIGHTS,
        "fused order",
    ),
    SeededBug(
        "a bias dropped from the weight map",
        "orig_to_new_regex={",
        'orig_to_new_regex={re.compile(r"linear_2\\.bias"): None,',
        Stage.WEIGHTS,
        "checkpoint elements",
        "node model.multi_modal_projector.linear_2",
    ),
    SeededBug(
        "one placeholder too few",
        "return [image_token_id] * num_image_tokens",
        "return [image_token_id] * (num_image_tokens - 1)",
        Stage.PROCESSOR,
        "placeholder spans",
    ),
    SeededBug(
        "normalisation left out",
        "    def _get_mm_fields_config(",
        "    def _call_hf_processor(self, hf_data, hf_kwargs):\n"
        '        return super()._call_hf_processor(hf_data, {**hf_kwargs, "do_normalize": False})\n'
        "\n"
        "    def _get_mm_fields_config(",
        Stage.PROCESSOR,
        "pixel values",
    ),
    SeededBug(
        "options of a request ignored",
        "    def _get_mm_fields_config(",
        "    def _call_hf_processor(self, hf_data, hf_kwargs):\n"
        "        return super()._call_hf_processor(hf_data, {})\n"
        "\n"
        "    def _get_mm_fields_config(",
        Stage.PROCESSOR,
        "pixel values",
    ),
    SeededBug(
        "images of a prompt in reverse order",
        "return self._process_image_input(image_input)",
        "return list(self._process_image_input(image_input))[::-1]",
        Stage.ENCODER,
        "features",
    ),
    SeededBug(
        "image embeddings scaled",
        'return image_input["image_embeds"]',
        'return image_input["image_embeds"] * 1.01',
        Stage.LOGITS,
        "prompt 0",
    ),
    SeededBug(
        "logits scaled",
        "return self.language_model.compute_logits(hidden_states)",
        "return self.language_model.compute_logits(hidden_states * 1.01)",
        Stage.LOGITS,
        "prompt 0",
        "edge lm_head",
    ),
)
