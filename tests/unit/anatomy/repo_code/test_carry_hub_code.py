"""What is carried of whole repos: what a port needs, all of it, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.anatomy.repo_code.carry import carry
from mmport.generation.style import format_python, lint_python

HUB_CODE = Path(__file__).parents[3] / "hub_code"

WANTED = {
    "ember": ("modeling_ember", ["EmberForConditionalGeneration.get_image_features"]),
    "aldine": ("modeling_aldine", ["AldineForCausalLM.encode_images", "AldineViT"]),
    "brindle": (
        "modeling_brindle_chat",
        ["BrindleChatModel.extract_feature", "BrindleVisionModel"],
    ),
    "corvid": ("modeling_corvid", ["CorvidModel.", "CorvidResampler", "SiglipVisionModel"]),
    "dovetail": (
        "modeling_dovetail",
        [
            "DovetailForConditionalGeneration.get_visual_embeds",
            "DovetailTower",
            "DovetailMerger",
        ],
    ),
    "fathom": (
        "modeling_fathom",
        ["FathomModel.get_image_features", "FathomProjector", "AutoModel"],
    ),
    "heron": (
        "modeling_heron",
        ["HeronForCausalLM.make_eye", "HeronForCausalLM.make_gathering"],
    ),
}
"""Of each repo, what a port asks for: a feature method, and the classes of its parts."""


UNUSED = (
    "transformers.SiglipVisionModel",
    "transformers.AutoModel",
    ".projector_fathom.FathomProjector",
)


@pytest.mark.parametrize("name", WANTED)
class TestHubCode:
    def carried(self, name: str) -> dict[str, str]:
        module, names = WANTED[name]
        texts = {path.stem: path.read_text() for path in (HUB_CODE / name).glob("*.py")}
        return carry(texts, {module: names}, origin=f"lab/{name}")

    def test_the_language_model_stays_behind(self, name: str) -> None:
        kept = "\n".join(self.carried(name).values())
        for gone in ("AutoModelForCausalLM", "LlamaForCausalLM(", "lm_head", "def generate"):
            assert gone not in kept

    def test_nothing_is_missing_and_nothing_too_much(self, name: str, tmp_path: Path) -> None:
        files = []
        for module, text in self.carried(name).items():
            path = tmp_path / f"{module}.py"
            path.write_text(format_python(text, first_party="port"))
            files.append(path)
        codes = {(error.code, error.message) for error in lint_python(files, first_party="port")}
        wrong = {found for found in codes if found[0] in ("F821", "F401", "invalid-syntax")}
        # What the statements of the port's own `__init__` are to use is asked for by name.
        assert {message for _, message in wrong} <= {
            f"`{name}` imported but unused" for name in UNUSED
        }

    def test_a_second_time_changes_nothing(self, name: str) -> None:
        module, names = WANTED[name]
        first = self.carried(name)
        second = carry(first, {module: names}, origin=f"lab/{name}")
        assert {k: v.replace(_told(k, name), "", 1) for k, v in second.items()} == first


def _told(module: str, name: str) -> str:
    return f"# Carried from {module}.py of lab/{name}, less what is not used here.\n"
