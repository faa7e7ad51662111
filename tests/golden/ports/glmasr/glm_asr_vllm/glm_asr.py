# SPDX-License-Identifier: Apache-2.0
"""GlmAsrForConditionalGeneration, its encoder as transformers has it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import regex as re
import torch
import torch.nn as nn
from transformers import AutoModel, BatchFeature, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights
from transformers.models.glmasr.modeling_glmasr import (
    GlmAsrModel,
    GlmAsrMultiModalProjector,
)
from vllm.config import VllmConfig
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
)
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    init_vllm_registered_model,
    maybe_prefix,
)
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import (
    MultiModalFieldConfig,
    MultiModalKwargsItems,
)
from vllm.multimodal.parse import (
    AudioEmbeddingItems,
    AudioProcessorItems,
    MultiModalDataItems,
    MultiModalDataParser,
)
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
    PromptUpdateDetails,
)
from vllm.sequence import IntermediateTensors

from glm_asr_vllm.audio_lengths import find_audio_length_with_most_tokens

# What the encoder takes of the HF processor's output.
AUDIO_FIELDS = ("input_features", "input_features_mask")


class GlmAsrProcessingInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"audio": None}

    def get_sampling_rate(self) -> int:
        return self.get_hf_processor().feature_extractor.sampling_rate

    def get_data_parser(self) -> MultiModalDataParser:
        return MultiModalDataParser(
            target_sr=self.get_sampling_rate(),
            target_channels=1,
            expected_hidden_size=self._get_expected_hidden_size(),
            allow_missing_mm_embeddings=self.allow_missing_mm_embeddings,
        )

    def get_audio_token(self) -> str:
        processor = self.get_hf_processor()
        return processor.audio_token

    def get_audio_token_id(self) -> int:
        config = self.get_hf_config()
        return config.audio_token_id

    def _call_hf_processor(
        self, data: Mapping[str, object], hf_kwargs: Mapping[str, object]
    ) -> tuple[BatchFeature, list[int]]:
        outputs = self.ctx.call_hf_processor(self.get_hf_processor(), data, hf_kwargs)
        return outputs, torch.as_tensor(outputs.pop("input_ids")).flatten().tolist()

    def _without_special_tokens(self, tokens: list[int]) -> list[int]:
        """Take away the tokenizer's own, which are around every text."""
        tokenizer = self.get_tokenizer()
        around = tokenizer.encode("")
        if around and tokens[0] == around[0]:
            tokens = tokens[1:]
        if around and around[-1] == tokenizer.eos_token_id == tokens[-1]:
            tokens = tokens[:-1]
        return tokens

    def process_audio(
        self, audio: object, hf_kwargs: Mapping[str, object]
    ) -> tuple[BatchFeature, list[int]]:
        """Process an audio as transformers does, and tell what its token becomes."""
        hf_kwargs = {"sampling_rate": self.get_sampling_rate(), **hf_kwargs}
        data = dict(text=self.get_audio_token(), audio=[audio])
        outputs, tokens = self._call_hf_processor(data, hf_kwargs)
        return outputs, self._without_special_tokens(tokens)

    def get_num_audio_tokens(self, *, length: int) -> int:
        _, tokens = self.process_audio(np.zeros(length), {})
        return tokens.count(self.get_audio_token_id())

    @cached_property
    def _audio_length_with_most_tokens(self) -> int:
        return find_audio_length_with_most_tokens(
            lambda length: self.get_num_audio_tokens(length=length),
            sampling_rate=self.get_sampling_rate(),
            max_tokens=self.ctx.model_config.max_model_len,
        )

    def get_audio_length_with_most_tokens(self) -> int:
        return self._audio_length_with_most_tokens

    def get_max_audio_tokens(self, seq_len: int) -> int:
        length = self.get_audio_length_with_most_tokens()
        num_tokens = self.get_num_audio_tokens(length=length)
        # Where nothing but the context bounds a recording, that is its maximum.
        if self.get_num_audio_tokens(length=2 * length) > num_tokens:
            return seq_len

        return min(num_tokens, seq_len)

    @cached_property
    def tokens_around_audio(self) -> tuple[list[int], list[int]]:
        """What stands before and after the features of an audio, whatever its size."""
        token_id = self.get_audio_token_id()
        length = self.get_audio_length_with_most_tokens()
        around = set()
        for size in (length, length // 2):
            _, tokens = self.process_audio(np.zeros(max(1, size)), {})
            start = tokens.index(token_id)
            end = len(tokens) - tokens[::-1].index(token_id)
            around.add((*tokens[:start], token_id, *tokens[end:]))
            if set(tokens[start:end]) != {token_id} or len(around) > 1:
                raise ValueError(
                    "The tokens of an audio depend on its size, so its features cannot "
                    "be given without the audio"
                )
        return tokens[:start], tokens[end:]

    def get_embedded_audio_tokens(self, num_features: int) -> list[int]:
        """What the token becomes for an audio whose features are given."""
        start, end = self.tokens_around_audio
        return [*start, *[self.get_audio_token_id()] * num_features, *end]

    def get_mm_max_tokens_per_item(
        self, seq_len: int, mm_counts: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        return {"audio": self.get_max_audio_tokens(seq_len)}


class GlmAsrDummyInputsBuilder(BaseDummyInputsBuilder[GlmAsrProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.info.get_audio_token() * mm_counts.get("audio", 0)

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: MultiModalDummyOptions,
    ) -> MultiModalDataDict:
        return {
            "audio": self._get_dummy_audios(
                length=self.info.get_audio_length_with_most_tokens(),
                num_audios=mm_counts.get("audio", 0),
                overrides=mm_options.get("audio"),
            ),
        }


class GlmAsrMultiModalProcessor(BaseMultiModalProcessor[GlmAsrProcessingInfo]):
    def _call_hf_processor(
        self,
        hf_data: Mapping[str, Any],
        hf_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        # Each audio by itself: what becomes of it then depends on no other, and
        # the tokens of the expanded prompt are known to be its own.
        outputs = [
            self.info.process_audio(audio, hf_kwargs) for audio in hf_data["audio"]
        ]
        # An empty tensor stands for a field that an audio lacks.
        fields = {
            name: [output.get(name, torch.empty(0)) for output, _ in outputs]
            for name in AUDIO_FIELDS
        }
        fields["audio_tokens"] = [torch.tensor(tokens) for _, tokens in outputs]
        return BatchFeature(fields)

    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        fields = {
            name: MultiModalFieldConfig.batched("audio")
            for name in (*AUDIO_FIELDS, "audio_embeds")
        }
        fields["audio_tokens"] = MultiModalFieldConfig.batched(
            "audio", keep_on_cpu=True
        )
        return fields

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        audio_token_id = self.info.get_audio_token_id()

        def get_replacement(item_idx: int) -> PromptUpdateDetails:
            audios = mm_items.get_items(
                "audio", (AudioEmbeddingItems, AudioProcessorItems)
            )
            if isinstance(audios, AudioEmbeddingItems):
                num_features = audios.get_feature_size(item_idx)
                tokens = self.info.get_embedded_audio_tokens(num_features)
            else:
                tokens = out_mm_kwargs["audio"][item_idx]["audio_tokens"].data.tolist()

            return PromptUpdateDetails.select_token_id(tokens, audio_token_id)

        return [
            PromptReplacement(
                modality="audio",
                target=self.info.get_tokenizer().encode(
                    self.info.get_audio_token(), add_special_tokens=False
                ),
                replacement=get_replacement,
            ),
        ]


class GlmAsrLinear(ReplicatedLinear):
    """A linear layer of the encoder, on vLLM's kernels."""

    def __init__(
        self, linear: nn.Linear, quant_config: QuantizationConfig | None, prefix: str
    ) -> None:
        self.in_features = linear.in_features
        self.out_features = linear.out_features
        super().__init__(
            linear.in_features,
            linear.out_features,
            bias=linear.bias is not None,
            quant_config=quant_config,
            prefix=prefix,
            return_bias=False,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The kernels want rows that lie together.
        return super().forward(x.contiguous())


def use_vllm_linears(
    module: nn.Module, quant_config: QuantizationConfig | None, prefix: str
) -> None:
    for name, child in module.named_children():
        child_prefix = f"{prefix}.{name}"
        # Not its subclasses: what has one reads its weights by itself.
        if type(child) is nn.Linear:
            setattr(module, name, GlmAsrLinear(child, quant_config, child_prefix))
        else:
            use_vllm_linears(child, quant_config, child_prefix)


class GlmAsrEncoder(GlmAsrModel):
    """What comes before the language model in transformers, and nothing else of it."""

    def __init__(self, config: PreTrainedConfig) -> None:
        PreTrainedModel.__init__(self, config)

        self.audio_tower = AutoModel.from_config(config.audio_config)
        self.multi_modal_projector = GlmAsrMultiModalProjector(config)


@MULTIMODAL_REGISTRY.register_processor(
    GlmAsrMultiModalProcessor,
    info=GlmAsrProcessingInfo,
    dummy_inputs=GlmAsrDummyInputsBuilder,
)
class GlmAsrForConditionalGeneration(
    nn.Module,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
):
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_regex={
            # The encoder and the connector are one module.
            re.compile(
                r"^(?:model\.)?(audio_tower|multi_modal_projector)(?=\.|$)"
            ): r"encoder.\1",
            # The decoder; vLLM's module has the head as well.
            re.compile(
                r"^(?:model\.)?language_model\.(?:model\.)*(?!lm_head\.)"
            ): r"language_model.model.",
            # The head, beside the decoder or at the top.
            re.compile(
                r"^(?:(?:model\.)?language_model\.)?lm_head\."
            ): r"language_model.lm_head.",
        }
    )

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("audio"):
            return "<|begin_of_audio|><|pad|><|end_of_audio|>"

        raise ValueError("Only audio modality is supported")

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()

        config = vllm_config.model_config.hf_config
        text_config = config.get_text_config()
        self.config = config

        self.configure_mm_token_handling(
            vocab_size=text_config.vocab_size,
            mm_token_ids=[config.audio_token_id],
        )

        # Parts of transformers are made in the dtype that their config names.
        config.dtype = vllm_config.model_config.dtype
        for name in config.sub_configs:
            if (part := getattr(config, name, None)) is not None:
                part.dtype = config.dtype

        with self._mark_tower_model(vllm_config, "audio"):
            with no_init_weights():
                self.encoder = GlmAsrEncoder(config)
            use_vllm_linears(
                self.encoder,
                vllm_config.quant_config,
                prefix=maybe_prefix(prefix, "encoder"),
            )

        with self._mark_language_model(vllm_config):
            self.language_model = init_vllm_registered_model(
                vllm_config=vllm_config,
                hf_config=text_config,
                prefix=maybe_prefix(prefix, "language_model"),
                architectures=["LlamaForCausalLM"],
            )

        self.packed_modules_mapping = getattr(
            self.language_model, "packed_modules_mapping", {}
        )
        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    def _encode_audios(
        self, audios: Sequence[Mapping[str, torch.Tensor]], num_tokens: Sequence[int]
    ) -> Sequence[torch.Tensor]:
        inputs = {
            name: torch.cat([audio[name] for audio in audios]).to(self.encoder.device)
            for name in audios[0]
        }
        features = self.encoder.get_audio_features(**inputs).pooler_output
        if not isinstance(features, torch.Tensor):
            features = torch.cat([one.flatten(end_dim=-2) for one in features])

        return features.flatten(end_dim=-2).split(num_tokens)

    def _embed_audios(
        self, audio_tokens: Sequence[torch.Tensor], **kwargs: Any
    ) -> MultiModalEmbeddings:
        # An empty tensor stands for a field that an audio lacks.
        audios = [
            {
                name: kwargs[name][index]
                for name in AUDIO_FIELDS
                if kwargs[name][index].shape != (0,)
            }
            for index in range(len(audio_tokens))
        ]
        num_tokens = [
            int((tokens == self.config.audio_token_id).sum()) for tokens in audio_tokens
        ]

        # Recordings whose inputs have the same shapes are encoded together.
        def get_shapes(index: int) -> dict[str, torch.Size]:
            return {name: value.shape for name, value in audios[index].items()}

        embeddings: list[torch.Tensor] = []
        for _, group in groupby(range(len(audios)), key=get_shapes):
            indices = list(group)
            embeddings += self._encode_audios(
                [audios[index] for index in indices],
                [num_tokens[index] for index in indices],
            )

        return embeddings

    def embed_multimodal(self, **kwargs: object) -> MultiModalEmbeddings:
        if kwargs.get("audio_embeds") is not None:
            return kwargs["audio_embeds"]

        if kwargs.get("audio_tokens") is not None:
            return self._embed_audios(**kwargs)

        return []

    def forward(
        self,
        input_ids: torch.Tensor | None,
        positions: torch.Tensor,
        intermediate_tensors: IntermediateTensors | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: object,
    ) -> torch.Tensor | IntermediateTensors:
        if intermediate_tensors is not None:
            inputs_embeds = None

        return self.language_model(
            input_ids,
            positions,
            intermediate_tensors=intermediate_tensors,
            inputs_embeds=inputs_embeds,
        )

    def compute_logits(self, hidden_states: torch.Tensor) -> torch.Tensor | None:
        return self.language_model.compute_logits(hidden_states)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)

    def get_mm_mapping(self) -> MultiModelKeys:
        return MultiModelKeys.from_string_field(
            language_model="language_model",
            tower_model="encoder",
        )
