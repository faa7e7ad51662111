"""`ModelFacts`: what must be known of a model to ask it questions, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmport.model.spec import Modality

CARD = "mmport-reference.json"
"""Name of the file in a reference model's folder whose key `facts` holds its facts."""


@dataclass(frozen=True, slots=True)
class ModalityFacts:
    """One kind of item that a model takes, and what a typical one is like.

    `width` and `height` are in pixels, `rate` in samples a second; what is not
    of the kind is 0.
    """

    kind: Modality
    prompt: str
    """What a user of HF writes for one item; empty where the processor inserts it."""
    token_id: int | None
    """Of the repeated placeholder token in HF's expanded ids."""
    most_items: int
    """How many the HF processor takes in one prompt."""
    width: int
    height: int
    frames: int
    seconds: float
    rate: int
    vllm_prompt: str | None = None
    """What vLLM's own class wants in place of `prompt`; None: the same."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What verification knows of a model, from a `VlmSpec` or a reference model's card."""

    architecture: str
    auto_class: str
    """The class of transformers that loads it, by name."""
    modalities: tuple[ModalityFacts, ...]
    checkpoint_files: tuple[str, ...]
    question: str
    """A prompt that holds `{items}` where the placeholders go."""
    tokens_per_item: int
    """Positions that one item takes at most."""
    dtype: str = ""
    """That the model must be run in; empty: any."""
    processor_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Given to every call of the HF processor, on both sides."""
    connector: str = ""
    """Module path of the connector; empty where the model's parts are not known."""
    encoder: str = ""
    """Module path of the encoder; empty where the model's parts are not known."""
    cache_elements: int = 0
    """Key and value elements that one position takes in all layers; 0: not known."""

    @property
    def knows_parts(self) -> bool:
        """Tell whether the parts are known, so that each can be judged by itself."""
        return bool(self.connector and self.encoder)
