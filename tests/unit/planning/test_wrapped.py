"""Plans of ports that hold HF's own encoder, from committed specs."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest

from mmport.core.errors import MalformedSource, NotPortable
from mmport.generation.plans import check_plan
from mmport.generation.render import render_port
from mmport.model.conversions import Conversions, Operation, TensorRule
from mmport.model.logits import Logits
from mmport.model.plan import PortPlan, Strategy
from mmport.model.spec import Anatomy, Modality, PositionValue, VlmSpec
from tests.golden.cases import load_spec, plan_of, port_of

WRAPPED = ("blip_2", "brindle", "corvid", "glm4v", "llava_next", "qwen2_vl")


def anatomy_of(spec: VlmSpec) -> Anatomy:
    assert spec.anatomy is not None
    return spec.anatomy


def module_of(files: dict[str, str]) -> str:
    return max(files.values(), key=len)


def decided(plan: PortPlan, subject: str) -> list[str]:
    return [one.choice for one in plan.decisions if one.subject == subject]


@pytest.mark.parametrize("name", WRAPPED)
def test_the_encoder_is_wrapped_and_the_language_model_reused(name: str) -> None:
    plan = plan_of(load_spec(name))
    assert plan.wrapped
    assert plan.component("encoder").vllm_path == "encoder"
    assert plan.component("language_model").strategy is Strategy.REUSE
    check_plan(plan)


@pytest.mark.parametrize("name", WRAPPED)
def test_every_tensor_of_the_checkpoint_has_a_place(name: str) -> None:
    spec = load_spec(name)
    plan = plan_of(spec)
    for group in spec.checkpoint.tensors if spec.checkpoint else ():
        tensor = group.pattern.replace("{}", "0")
        for rule in plan.renames:
            tensor = re.sub(rule.pattern, rule.replacement, tensor)
        assert tensor.startswith(("encoder.", "language_model."))


def test_what_is_left_out_is_said() -> None:
    spec = load_spec("qwen2_vl")
    images_alone = replace(spec, items=spec.items[:1])
    assert decided(plan_of(spec), "video") == []
    assert decided(plan_of(images_alone), "video") == ["left out"]
    assert "Video" in port_of(images_alone)["README.md"]


def test_carried_code_is_part_of_the_port() -> None:
    files = port_of(load_spec("brindle"))
    assert "brindle_chat_vllm/modeling_brindle_chat.py" in files
    assert (
        "brindle_chat_vllm.modeling_brindle_chat import"
        in files["brindle_chat_vllm/brindle_chat.py"]
    )


def test_carried_code_does_not_fit_into_one_file() -> None:
    spec = load_spec("brindle")
    with pytest.raises(NotPortable, match="no single file"):
        render_port(plan_of(spec, "file"), spec)


def test_one_file_has_the_search_for_sizes_in_it() -> None:
    (text,) = port_of(load_spec("llava_next"), "file").values()
    assert "def find_image_size_with_most_tokens(" in text
    assert ".image_sizes" not in text


def test_features_of_the_prompts_words_are_refused() -> None:
    spec = load_spec("llava_next")
    (method,) = anatomy_of(spec).methods
    asked = replace(method, inputs=(*method.inputs, ("ids", "qformer_input_ids")))
    with pytest.raises(NotPortable, match="from the words of the prompt"):
        plan_of(replace(spec, anatomy=replace(anatomy_of(spec), methods=(asked,))))


def test_a_processor_that_writes_no_tokens_is_refused() -> None:
    spec = load_spec("llava_next")
    silent = tuple(replace(item, written="tokens") for item in spec.items)
    with pytest.raises(NotPortable, match="does not put the tokens"):
        plan_of(replace(spec, items=silent))


def as_modality(spec: VlmSpec, modality: Modality, *, beside: bool) -> VlmSpec:
    """Give a model what it has for images, for another modality, or for that one too."""
    anatomy = anatomy_of(spec)
    methods = tuple(
        replace(one, modality=modality, inputs=(("heard", "input_features"),))
        for one in anatomy.methods
    )
    items = tuple(replace(one, modality=modality, part="feature_extractor") for one in spec.items)
    placeholders = tuple(
        replace(one, modality=modality, token="<heard>") for one in spec.placeholders
    )
    return replace(
        spec,
        anatomy=replace(anatomy, methods=(*anatomy.methods * beside, *methods)),
        items=(*spec.items * beside, *items),
        placeholders=(*spec.placeholders * beside, *placeholders),
    )


def test_recordings_are_taken_as_images_are() -> None:
    spec = as_modality(load_spec("llava_next"), "audio", beside=False)
    files = port_of(spec)
    model = files["llava_next_vllm/llava_next.py"]
    assert 'AUDIO_FIELDS = ("input_features",)' in model
    assert "feature_extractor.sampling_rate" in model
    assert "PIL" not in model
    assert "llava_next_vllm/audio_lengths.py" in files
    assert "input_audio" in files["README.md"]


def test_a_port_takes_all_modalities_that_it_can() -> None:
    spec = as_modality(load_spec("llava_next"), "audio", beside=True)
    assert [item.modality for item in plan_of(spec).items] == ["image", "audio"]
    model = port_of(spec)["llava_next_vllm/llava_next.py"]
    assert '_mark_tower_model(vllm_config, {"image", "audio"})' in model
    assert 'return "<heard>"' in model
    assert "def _embed_images(" in model
    assert "def _embed_audios(" in model


def test_the_text_beside_images_is_rewritten_as_the_processor_does() -> None:
    spec = as_modality(load_spec("llava_next"), "audio", beside=True)
    plain = port_of(spec)["llava_next_vllm/llava_next.py"]
    rewritten = replace(spec, items=tuple(replace(one, written="rewritten") for one in spec.items))
    # Recordings are left out, as a processor is asked about images alone.
    assert [item.modality for item in plan_of(rewritten).items] == ["image"]
    model = port_of(rewritten)["llava_next_vllm/llava_next.py"]
    assert "return self.info.rewrite_prompt(prompt)" in model
    assert "target=[image_token_id]" in model
    assert "rewrite_prompt" not in plain
    assert "target=[" not in plain


def test_items_in_one_row_are_encoded_one_by_one() -> None:
    spec = load_spec("llava_next")
    (method,) = anatomy_of(spec).methods
    packed = replace(anatomy_of(spec), methods=(replace(method, packed=True),))
    model = port_of(replace(spec, anatomy=packed))["llava_next_vllm/llava_next.py"]
    assert "self._encode_images([image], [count])" in model
    assert "groupby" not in model
    assert "groupby" in port_of(spec)["llava_next_vllm/llava_next.py"]


def test_a_model_of_videos_alone_has_no_images() -> None:
    spec = as_modality(load_spec("llava_next"), "video", beside=False)
    assert [item.modality for item in plan_of(spec).items] == ["video"]
    files = port_of(spec)
    assert "video_sizes.py" in " ".join(files)
    assert "PIL" not in files["llava_next_vllm/llava_next.py"]
    assert "video_url" in files["README.md"]
    assert '"video": np.full(' in files["tests/test_smoke.py"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_positions_take_more_than_features_do(kind: Modality) -> None:
    """What nothing but positions are computed from is among what an item's processing gives."""
    spec = load_spec("qwen2_vl")
    seconds = PositionValue("per_grid", f"{kind}_seconds", f"{kind}_seconds", f"{kind}_seconds")
    anatomy = replace(
        anatomy_of(spec),
        position_inputs=(*anatomy_of(spec).position_inputs, "per_grid"),
        position_values=(seconds,),
    )
    plan = plan_of(replace(spec, anatomy=anatomy))
    assert [item.modality for item in plan.items if item.position_fields] == [kind]
    text = module_of(port_of(replace(spec, anatomy=anatomy)))
    assert f'kwargs["per_grid"] = kwargs.pop("{kind}_seconds", [])' in text


def converted(*operations: Operation, targets: tuple[str, ...] = ("q.", "k.", "v.")) -> VlmSpec:
    """A model whose tensors transformers makes anew, in a part of which nothing is known."""
    spec = load_spec("llava_next")
    anatomy = anatomy_of(spec)
    assert anatomy.weights is not None
    rule = Conversions("", tensors=(TensorRule(("qkv",), targets, operations),))
    facts = replace(anatomy.weights, conversions=(rule,), names=())
    return replace(spec, anatomy=replace(anatomy, weights=facts))


def test_tensors_that_only_transformers_can_make_are_refused() -> None:
    with pytest.raises(NotPortable, match="anew by MergeModulelist"):
        plan_of(converted(Operation("MergeModulelist")))


def test_tensors_are_split() -> None:
    text = module_of(port_of(converted(Operation("Chunk"))))
    assert r'r"^(encoder\..*?)qkv": [r"\1q.", r"\1k.", r"\1v."],' in text
    assert "pieces = weight.chunk(len(targets))" in text


def test_tensors_are_converted() -> None:
    rows = (("subconfig_key", "vision_config"), ("permute_layer_names", ("q.", "k.")))
    text = module_of(port_of(converted(Operation("Chunk"), Operation("PermuteForRope", rows))))
    assert "num_heads = config.vision_config.num_attention_heads" in text
    assert "for index in (0, 1):" in text
    assert "pieces = convert(weight, self.config)" in text


def test_another_config_is_no_code() -> None:
    rows = (("subconfig_key", "v; import os"), ("permute_layer_names", ("q.",)))
    with pytest.raises(MalformedSource, match="cannot be a name"):
        port_of(converted(Operation("Chunk"), Operation("PermuteForRope", rows)))


def test_the_whole_models_arithmetic_is_in_the_port() -> None:
    spec = load_spec("llava_next")
    logits = Logits("text_config.mult", "text_config.cap / text_config.mult")
    language = replace(spec.language_model, missing_arithmetic=("mult",), logits=logits)
    found = replace(spec, language_model=language)
    assert decided(plan_of(found), "head") == [
        "scale = text_config.mult, soft_cap = text_config.cap / text_config.mult"
    ]
    text = module_of(port_of(found))
    assert "scale=text_config.mult,\n" in text
    assert "soft_cap=text_config.cap / text_config.mult,\n" in text


def test_what_vllms_class_does_otherwise_the_port_sets_right() -> None:
    """DeepSeek's class has a head of its own, and rotates heads apart."""
    spec = load_spec("qwen2_vl")
    assert spec.checkpoint is not None
    (text, *_) = spec.language_model.candidates
    deepseek = replace(text, architecture="DeepseekV3ForCausalLM")
    part = replace(
        spec.language_model, tied_embeddings=True, candidates=(deepseek,), path="model.llm"
    )
    groups = tuple(one for one in spec.checkpoint.tensors if "lm_head" not in one.pattern)
    bare = replace(spec.checkpoint, tensors=groups)
    plan = plan_of(replace(spec, language_model=part, checkpoint=bare))
    assert plan.ties_head
    assert not plan.pipeline_parallel
    assert decided(plan, "rotary embedding on the CPU") == ["without vLLM's kernel"]
    files = render_port(plan, spec)
    module = module_of(files)
    ast.parse(module)
    assert "lm_head.tie_weights(" in module
    assert 'custom_ops.append("-rotary_embedding")' in module
    for text_of_plain in ("tie_weights", "custom_ops"):
        assert text_of_plain not in module_of(port_of(spec))


def test_the_backends_decoder_has_the_positions_of_a_batch() -> None:
    spec = load_spec("qwen2_vl")
    told = replace(spec.language_model.candidates[0], architecture="TransformersForCausalLM")
    language = replace(spec.language_model, candidates=(told,))
    text = module_of(port_of(replace(spec, language_model=language)))
    assert "positions = positions[:, None].contiguous()" in text
    assert "[:, None].contiguous()" not in module_of(port_of(spec))


def test_adapters_find_what_vllm_calls_otherwise() -> None:
    spec = load_spec("llava_next")
    told = replace(spec.language_model.candidates[0], architecture="Lfm2ForCausalLM")
    plan = plan_of(replace(spec, language_model=replace(spec.language_model, candidates=(told,))))
    name = "model.language_model.layers.0.conv.{}"
    for leaf, expected in (("in_proj", "short_conv.in_proj"), ("conv", "conv.conv")):
        mapped = name.format(leaf)
        for rule in plan.renames:
            mapped = re.sub(rule.pattern, rule.replacement, mapped)
        assert mapped == f"language_model.model.layers.0.{expected}"


@pytest.mark.parametrize("token", ["x; import os", "a b", ""])
def test_a_plan_whose_expressions_are_none_is_refused(token: str) -> None:
    plan = plan_of(load_spec("llava_next"))
    item = replace(plan.items[0], token_id=token)
    with pytest.raises(MalformedSource, match="no expression"):
        check_plan(replace(plan, items=(item,)))


def test_a_statement_that_is_no_python_is_refused() -> None:
    spec = load_spec("llava_next")
    broken = replace(anatomy_of(spec), statements=("self.x = (",))
    with pytest.raises(MalformedSource, match="no Python"):
        port_of(replace(spec, anatomy=broken))


def test_positions_are_counted_as_transformers_counts_them() -> None:
    spec = load_spec("llava_next")
    plain = module_of(port_of(spec))
    later = replace(spec, anatomy=replace(anatomy_of(spec), first_position=1))
    assert "positions = positions + 1" in module_of(port_of(later))
    assert "positions = positions" not in plain


def test_frames_that_come_as_images_have_a_field_of_their_own() -> None:
    """A processor may hand frames on under the names of images, and vLLM has one kind a field."""
    spec = load_spec("llava_next")
    (images,) = anatomy_of(spec).methods
    methods = (images, replace(images, modality="video"))
    (item,), (placeholder,) = spec.items, spec.placeholders
    both = replace(
        spec,
        anatomy=replace(anatomy_of(spec), methods=methods),
        items=(item, replace(item, modality="video", part="video_processor")),
        placeholders=(placeholder, replace(placeholder, modality="video")),
    )
    text = module_of(port_of(both))
    assert 'VIDEO_FIELDS = ("video_pixel_values", "video_image_sizes")' in text
    assert 'outputs["video_pixel_values"] = outputs.pop("pixel_values")' in text
    assert 'pixel_values=inputs["video_pixel_values"]' in text
    placed = replace(anatomy_of(both), position_inputs=("image_sizes",))
    assert [item.modality for item in plan_of(replace(both, anatomy=placed)).items] == ["image"]


def test_what_transformers_itself_fails_on_is_left_out() -> None:
    spec = replace(load_spec("qwen2_vl"), architecture="Kimi_K25ForConditionalGeneration")
    assert [item.modality for item in plan_of(spec).items] == ["image"]
    assert "transformers 5.19 pools its frames" in port_of(spec)["README.md"]
