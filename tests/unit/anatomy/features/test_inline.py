from __future__ import annotations

import ast

from mmport.anatomy.features.inline import free_names, method_text


def written(code: str, result: str) -> str:
    return method_text(
        "embed_audio",
        ["input_features"],
        {"inputs_embeds", "attention_mask"},
        ast.parse(code).body,
        ast.parse(result, mode="eval").body,
    )


def test_the_text_gives_way_to_the_model_where_only_its_form_was_asked() -> None:
    text = written(
        "mask = torch.zeros(3, dtype=inputs_embeds.dtype, device=inputs_embeds.device)\n"
        "features = self.tower(input_features, mask)",
        "features.to(inputs_embeds.dtype)",
    )
    assert "torch.zeros(3, dtype=self.dtype, device=self.device)" in text
    assert text.endswith("return features")
    assert free_names(text) == {"torch"}


def test_what_only_forward_has_stays_a_free_name() -> None:
    text = written("features = self.tower(input_features) + inputs_embeds", "features")
    assert free_names(text) == {"inputs_embeds"}
