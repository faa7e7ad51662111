"""Models that a repo registers for its own configs are made by their names."""

from __future__ import annotations

from mmport.inspection.registered import by_their_names
from mmport.model.spec import Anatomy, ImportedName, NestedModel

TEXTS = {
    "modeling_x": "from transformers import AutoModel\nAutoModel.register(EyeConfig, Eye)\n",
    "broken": "def (:",
}
MADE = "self.eye = AutoModel.from_config(config.eye_config, attn_implementation='eager')"
AUTO = ImportedName("AutoModel", "transformers")


def anatomy(*statements: str, within: NestedModel | None = None) -> Anatomy:
    return Anatomy("modeling_x", "X", "", (), statements, (AUTO,), (), "llm", within=within)


def test_what_is_registered_is_made_by_its_name() -> None:
    found = by_their_names(anatomy(MADE, "self.width = 1"), TEXTS, {"eye_config": "EyeConfig"})
    assert found.statements == (
        "self.eye = Eye._from_config(config.eye_config)",
        "self.width = 1",
    )
    assert found.imports == (ImportedName("Eye", "modeling_x"),)


def test_in_a_module_that_holds_the_decoder_too() -> None:
    within = NestedModel("model", "modeling_x", "XModel", (), (MADE,))
    found = by_their_names(anatomy(within=within), TEXTS, {"eye_config": "EyeConfig"})
    assert found.within is not None
    assert found.within.statements == ("self.eye = Eye._from_config(config.eye_config)",)


def test_what_transformers_knows_is_left_to_the_auto_class() -> None:
    other = "self.ear = AutoModel.from_config(config.ear_config)  # As it stands."
    found = by_their_names(anatomy(MADE, other), TEXTS, {"eye_config": "EyeConfig"})
    assert found.statements[1] == other
    assert found.imports == (AUTO, ImportedName("Eye", "modeling_x"))
    assert by_their_names(anatomy(MADE), TEXTS, {}) == anatomy(MADE)
