# SPDX-License-Identifier: Apache-2.0
"""Qwen2AudioForConditionalGeneration of transformers, with its own encoder."""

import re
from functools import lru_cache
from typing import (
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    TypedDict,
    Union,
)

import numpy as np
import torch
import torch.nn as nn
from transformers import AutoFeatureExtractor, Qwen2AudioConfig
from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder
from vllm.attention import AttentionMetadata
from vllm.config import VllmConfig
from vllm.inputs import (
    INPUT_REGISTRY,
    DecoderOnlyInputs,
    DummyData,
    InputContext,
    token_inputs,
)
from vllm.model_executor.layers.sampler import SamplerOutput
from vllm.model_executor.models.interfaces import SupportsMultiModal, SupportsPP
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    init_vllm_registered_model,
    maybe_prefix,
    merge_multimodal_embeddings,
)
from vllm.model_executor.sampling_metadata import SamplingMetadata
from vllm.multimodal import MULTIMODAL_REGISTRY, MultiModalKwargs
from vllm.multimodal.inputs import PlaceholderRange
from vllm.sequence import IntermediateTensors, SequenceData

# Names of weights, as transformers of any release save them, and the names here.
WEIGHT_NAMES = (
    (r"^language_model\.model\.model\.", "language_model.model."),
    (r"^model\.audio_tower\.", "audio_tower."),
    (r"^(?:model\.)?multi_modal_projector\.", "multi_modal_projector."),
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
)


class Qwen2AudioInputs(TypedDict):
    input_features: torch.Tensor
    """Shape: `(batch_size * num_audios, num_mel_bins, num_frames)`, padded"""
    num_frames: torch.Tensor
    """Shape: `(batch_size * num_audios,)`, of those that are no padding"""


def flatten_audios(audios: object, num_dims: int) -> List[torch.Tensor]:
    """Give the tensor of each audio, however requests were batched."""
    if isinstance(audios, torch.Tensor) and audios.dim() <= num_dims:
        return [audios]
    return [tensor for item in audios for tensor in flatten_audios(item, num_dims)]


@lru_cache(maxsize=None)
def get_feature_extractor(model: str, trust_remote_code: bool) -> AutoFeatureExtractor:
    return AutoFeatureExtractor.from_pretrained(
        model, trust_remote_code=trust_remote_code
    )


def get_recordings(
    ctx: InputContext, data: object
) -> Tuple[AutoFeatureExtractor, List[np.ndarray]]:
    """Give the samples of each recording, at the rate that the model takes."""
    extractor = get_feature_extractor(
        ctx.model_config.model, ctx.model_config.trust_remote_code
    )
    recordings = []
    for samples, sampling_rate in data if isinstance(data, list) else [data]:
        if sampling_rate != extractor.sampling_rate:
            # Of `vllm[audio]`, which a recording at the right rate can do without.
            import librosa

            samples = librosa.resample(
                samples, orig_sr=sampling_rate, target_sr=extractor.sampling_rate
            )
        recordings.append(samples)
    return extractor, recordings


def get_num_output_tokens(
    num_frames: Union[int, torch.Tensor],
) -> Union[int, torch.Tensor]:
    """Halve the frames twice, as a convolution and a pooling of the encoder do."""
    return ((num_frames - 1) // 2 - 1) // 2 + 1


def get_qwen2_audio_feature_sizes(ctx: InputContext, data: object) -> List[int]:
    extractor, recordings = get_recordings(ctx, data)
    longest, hop = extractor.n_samples, extractor.hop_length
    # A frame begins at every hop; what is too long is cut off.
    return [
        get_num_output_tokens((min(len(samples), longest) - 1) // hop + 1)
        for samples in recordings
    ]


def get_max_qwen2_audio_audio_tokens(ctx: InputContext) -> int:
    audio_config = ctx.get_hf_config(Qwen2AudioConfig).audio_config
    return (audio_config.max_source_positions - 2) // 2 + 1


def map_qwen2_audio_audios(
    ctx: InputContext,
    data: object,
    **mm_processor_kwargs: object,
) -> MultiModalKwargs:
    extractor, recordings = get_recordings(ctx, data)
    features = extractor(
        recordings,
        sampling_rate=extractor.sampling_rate,
        return_attention_mask=True,
        padding="max_length",
        return_tensors="pt",
    )
    return MultiModalKwargs(
        {
            "input_features": features["input_features"],
            "feature_attention_mask": features["attention_mask"],
        }
    )


def dummy_data_for_qwen2_audio(
    ctx: InputContext,
    seq_len: int,
    mm_counts: Mapping[str, int],
    **mm_processor_kwargs: object,
) -> DummyData:
    hf_config = ctx.get_hf_config(Qwen2AudioConfig)
    num_audios = mm_counts["audio"]
    feature_size = get_max_qwen2_audio_audio_tokens(ctx)

    token_ids = [hf_config.audio_token_index] * feature_size * num_audios
    token_ids += [0] * (seq_len - len(token_ids))
    seq_data = SequenceData.from_seqs(token_ids)
    if num_audios == 0:
        return DummyData(seq_data)

    extractor, _ = get_recordings(ctx, [])
    audio = (np.zeros(extractor.n_samples), extractor.sampling_rate)
    ranges = [
        PlaceholderRange(offset=i * feature_size, length=feature_size)
        for i in range(num_audios)
    ]
    return DummyData(seq_data, {"audio": [audio] * num_audios}, {"audio": ranges})


def input_processor_for_qwen2_audio(
    ctx: InputContext, inputs: DecoderOnlyInputs
) -> DecoderOnlyInputs:
    multi_modal_data = inputs.get("multi_modal_data")
    if multi_modal_data is None or "audio" not in multi_modal_data:
        return inputs
    if "audio" in inputs.get("multi_modal_placeholders", {}):
        return inputs

    hf_config = ctx.get_hf_config(Qwen2AudioConfig)
    sizes = get_qwen2_audio_feature_sizes(ctx, multi_modal_data["audio"])
    old_token_ids = inputs["prompt_token_ids"]
    num_placeholders = old_token_ids.count(hf_config.audio_token_index)
    if num_placeholders != len(sizes):
        raise ValueError(
            f"The prompt has {num_placeholders} placeholders for {len(sizes)} audios"
        )

    remaining = iter(sizes)
    prompt_token_ids: List[int] = []
    ranges: List[PlaceholderRange] = []
    for token_id in old_token_ids:
        size = 1
        if token_id == hf_config.audio_token_index:
            size = next(remaining)
            ranges.append(PlaceholderRange(offset=len(prompt_token_ids), length=size))
        prompt_token_ids += [token_id] * size

    return token_inputs(
        prompt_token_ids=prompt_token_ids,
        prompt=inputs.get("prompt"),
        multi_modal_data=multi_modal_data,
        multi_modal_placeholders={"audio": ranges},
        mm_processor_kwargs=inputs.get("mm_processor_kwargs"),
    )


class Qwen2AudioMultiModalProjector(nn.Module):
    def __init__(self, config: Qwen2AudioConfig) -> None:
        super().__init__()

        self.linear = nn.Linear(
            config.audio_config.d_model, config.text_config.hidden_size
        )

    def forward(self, audio_features: torch.Tensor) -> torch.Tensor:
        return self.linear(audio_features)


@MULTIMODAL_REGISTRY.register_input_mapper("audio", map_qwen2_audio_audios)
@MULTIMODAL_REGISTRY.register_max_multimodal_tokens(
    "audio", get_max_qwen2_audio_audio_tokens
)
@INPUT_REGISTRY.register_dummy_data(dummy_data_for_qwen2_audio)
@INPUT_REGISTRY.register_input_processor(input_processor_for_qwen2_audio)
class Qwen2AudioForConditionalGeneration(nn.Module, SupportsMultiModal, SupportsPP):
    def __init__(
        self,
        *,
        vllm_config: VllmConfig,
        prefix: str = "",
    ) -> None:
        super().__init__()

        config = vllm_config.model_config.hf_config
        multimodal_config = vllm_config.model_config.multimodal_config

        self.config = config
        self.multimodal_config = multimodal_config

        self.audio_tower = Qwen2AudioEncoder(config.audio_config)
        self.multi_modal_projector = Qwen2AudioMultiModalProjector(config)

        if config.text_config.architectures is None:
            config.text_config.architectures = ["Qwen2ForCausalLM"]
        self.language_model = init_vllm_registered_model(
            vllm_config=vllm_config,
            hf_config=config.text_config,
            prefix=maybe_prefix(prefix, "language_model"),
        )

        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    @property
    def sampler(self) -> nn.Module:
        return self.language_model.sampler

    def _parse_and_validate_audio_input(
        self, **kwargs: object
    ) -> Optional[Qwen2AudioInputs]:
        input_features = kwargs.pop("input_features", None)
        if input_features is None:
            return None

        masks = flatten_audios(kwargs.pop("feature_attention_mask"), 1)
        return Qwen2AudioInputs(
            input_features=torch.stack(flatten_audios(input_features, 2)),
            num_frames=torch.stack([mask.sum() for mask in masks]),
        )

    def _process_audio_input(self, audio_input: Qwen2AudioInputs) -> List[torch.Tensor]:
        input_features = audio_input["input_features"]
        num_frames = audio_input["num_frames"]

        # What is padding after the convolution is hidden from attention.
        positions = torch.arange(
            (input_features.shape[-1] - 1) // 2 + 1, device=num_frames.device
        )
        is_padding = positions >= ((num_frames - 1) // 2 + 1)[:, None]
        dtype = self.audio_tower.conv1.weight.dtype
        attention_mask = torch.zeros(
            is_padding.shape, dtype=dtype, device=positions.device
        )
        attention_mask = attention_mask.masked_fill(is_padding, float("-inf"))
        attention_mask = attention_mask[:, None, None, :].expand(
            -1, 1, len(positions), -1
        )

        outputs = self.audio_tower(input_features, attention_mask=attention_mask)
        audio_features = self.multi_modal_projector(outputs.last_hidden_state)
        sizes = get_num_output_tokens(num_frames).tolist()
        return [features[:size] for features, size in zip(audio_features, sizes)]

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        inputs_embeds: Optional[torch.Tensor] = None,
        **kwargs: object,
    ) -> Union[torch.Tensor, IntermediateTensors]:
        audio_input = self._parse_and_validate_audio_input(**kwargs)
        if audio_input is not None and intermediate_tensors is None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids,
                self.language_model.model.get_input_embeddings(input_ids),
                self._process_audio_input(audio_input),
                self.config.audio_token_index,
            )
            input_ids = None

        return self.language_model.model(
            input_ids,
            positions,
            kv_caches,
            attn_metadata,
            intermediate_tensors,
            inputs_embeds=inputs_embeds,
        )

    def compute_logits(
        self, hidden_states: torch.Tensor, sampling_metadata: SamplingMetadata
    ) -> Optional[torch.Tensor]:
        return self.language_model.compute_logits(hidden_states, sampling_metadata)

    def sample(
        self, logits: torch.Tensor, sampling_metadata: SamplingMetadata
    ) -> Optional[SamplerOutput]:
        return self.language_model.sample(logits, sampling_metadata)

    def load_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:
        loader = AutoWeightsLoader(self)
        loader.load_weights(rename_weights(weights))


def rename_weights(
    weights: Iterable[Tuple[str, torch.Tensor]],
) -> Iterator[Tuple[str, torch.Tensor]]:
    for name, loaded_weight in weights:
        for pattern, replacement in WEIGHT_NAMES:
            name = re.sub(pattern, replacement, name)
        yield name, loaded_weight
