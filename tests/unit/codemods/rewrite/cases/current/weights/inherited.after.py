from collections.abc import Iterable, Iterator

import regex as re
import torch
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class Finch(LlamaForCausalLM):

    # Names of the whole model first, then those of its language model.
    hf_to_vllm_mapper = (
        WeightsMapper(
            orig_to_new_regex={
                # Transformers 5 drops the `vision_model` level, 4.52 puts all below
                # `model`.
                re.compile(
                    r"^(?:model\.)?vision_tower\.(?:vision_model\.)?"
                ): "vision_tower.vision_model.",
                # Transformers 4.52 puts the connector below `model`.
                re.compile(
                    r"^(?:model\.)?multi_modal_projector\."
                ): "multi_modal_projector.",
                # The decoder, since transformers 4.52.
                re.compile(r"^model\.language_model\."): "model.",
                # All of the language model, before and after.
                re.compile(r"^language_model\."): "",
            }
        )
        | (getattr(LlamaForCausalLM, "hf_to_vllm_mapper", None) or WeightsMapper())
    )

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        loaded = set()

        def text_weights() -> Iterator[tuple[str, torch.Tensor]]:
            for name, weight in self.hf_to_vllm_mapper.apply(weights):
                if name.partition(".")[0] in ("multi_modal_projector", "vision_tower"):
                    loaded.update(loader.load_weights([(name, weight)]))
                else:
                    yield name, weight

        return loaded | super().load_weights(text_weights())
