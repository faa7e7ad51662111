from __future__ import annotations

from mmport.workers.hf_scenarios import _saying


class Model:
    """As transformers' generation mixin: asked for what changes the logits."""

    def _get_logits_processor(self, *given: str) -> list[object]:
        return list(given)


def test_a_model_says_what_it_is_told_and_afterwards_what_it_likes() -> None:
    model = Model()
    with _saying(model, [3, 4]):
        first, forcing = model._get_logits_processor("own")
        assert first == "own"
        assert callable(forcing)
    assert model._get_logits_processor("own") == ["own"]
