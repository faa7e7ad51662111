"""What becomes of logits after the head, in terms of vLLM's logits processor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Logits:
    """Arguments of vLLM's `LogitsProcessor`, which caps logits softly and scales them then.

    They are expressions over `config` and `text_config`; an empty one is left out.
    """

    scale: str = ""
    soft_cap: str = ""
