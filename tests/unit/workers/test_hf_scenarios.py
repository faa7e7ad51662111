from __future__ import annotations

import sys
from types import ModuleType

import pytest

from mmport.workers.hf_scenarios import _saying


class GenerationMixin:
    """As transformers': asked for what changes the logits."""

    def _get_logits_processor(self, *given: str) -> list[object]:
        return list(given)


class Inner(GenerationMixin):
    """What a model has generate for it."""


def test_models_say_what_they_are_told_and_afterwards_what_they_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ModuleType("transformers")
    library.GenerationMixin = GenerationMixin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", library)
    model = Inner()
    with _saying([3, 4]):
        first, forcing = model._get_logits_processor("own")
        assert first == "own"
        assert callable(forcing)
    assert model._get_logits_processor("own") == ["own"]
