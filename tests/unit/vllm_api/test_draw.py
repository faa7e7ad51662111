from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mmport.core.errors import Usage
from mmport.vllm_api import store
from mmport.vllm_api.catalog import available
from mmport.vllm_api.draw import Drawn, draw

MODELS = "vllm/model_executor/models"
SOURCE = {
    "vllm/_version.py": "__version__ = version = '0.32.1+cpu'\n",
    f"{MODELS}/interfaces.py": """
        class SupportsPP: ...
        class SupportsLoRA: ...
        class SupportsMultiModal: ...
    """,
    f"{MODELS}/registry.py": """
        import torch_that_is_not_there
        _TEXT_GENERATION_MODELS = {
            "TinyForCausalLM": ("tiny", "TinyForCausalLM"),
            "FarForCausalLM": ("vllm.models.far", "FarForCausalLM"),
            "GoneForCausalLM": ("gone", "GoneForCausalLM"),
        }
        _MULTIMODAL_MODELS = {
            # a comment
            "SeeForConditionalGeneration": ("see", "See"),
        }
        _EMBEDDING_MODELS = {
            "TinyModel": ("tiny", "TinyForCausalLM"),
            **{name: place for name, place in _TEXT_GENERATION_MODELS.items()},
        }
        _VLLM_MODELS = {**_TEXT_GENERATION_MODELS, **_MULTIMODAL_MODELS}
        _PREVIOUSLY_SUPPORTED_MODELS = {"OldForCausalLM": "0.9.2"}
        _OOT_SUPPORTED_MODELS = {"OutForCausalLM": "a page that tells more"}
    """,
    "vllm/transformers_utils/config.py": """
        _CONFIG_REGISTRY: dict[str, type] = LazyConfigDict(see="SeeConfig", old="OldConfig")
        _OTHERS = LazyConfigDict(other="OtherConfig")
    """,
    f"{MODELS}/tiny.py": """
        from .interfaces import SupportsLoRA, SupportsPP
        from .utils import Base as Parent
        class TinyForCausalLM(Parent, SupportsPP):
            def forward(self): raise SystemExit("never run")
    """,
    f"{MODELS}/utils.py": """
        from typing import Generic
        from vllm.model_executor.models.interfaces import SupportsLoRA
        class Base(SupportsLoRA, Generic[int]):
            pass
    """,
    "vllm/models/far/__init__.py": """
        if TYPE_CHECKING or not current_platform.is_rocm():
            from .nvidia.model import FarForCausalLM
        else:
            from .amd.model import FarForCausalLM
    """,
    "vllm/models/far/nvidia/model.py": """
        from ....model_executor.models import interfaces
        from ....model_executor.models.interfaces import SupportsPP
        class FarForCausalLM(SupportsPP): ...
    """,
    f"{MODELS}/see.py": """
        from .interfaces import SupportsMultiModal
        class _Real(SupportsMultiModal):
            pass
        See = _Real
    """,
}


def write_source(folder: Path, source: dict[str, str]) -> Path:
    for name, text in source.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_source(tmp_path, SOURCE)


def registry(drawn: Drawn) -> dict[str, dict[str, Any]]:
    return {name: dict(entries) for name, entries in drawn.parts[store.REGISTRY].items()}


def test_a_release_is_drawn_from_syntax_alone(checkout: Path) -> None:
    drawn = draw(checkout)
    groups = registry(drawn)
    assert drawn.version == "0.32.1"
    assert groups["previously_supported"] == {"OldForCausalLM": "0.9.2"}
    assert {"embedding", "multimodal", "text_generation"} < groups.keys()
    assert sorted(groups["embedding"]) == ["TinyModel"]
    text = groups["text_generation"]
    assert text["TinyForCausalLM"] == {
        "module": "vllm.model_executor.models.tiny",
        "class_name": "TinyForCausalLM",
        "interfaces": ["SupportsLoRA", "SupportsPP"],
    }
    assert text["FarForCausalLM"]["module"] == "vllm.models.far"
    assert text["FarForCausalLM"]["interfaces"] == ["SupportsPP"]
    assert "interfaces" not in text["GoneForCausalLM"]
    see = groups["multimodal"]["SeeForConditionalGeneration"]
    assert see["interfaces"] == ["SupportsMultiModal"]
    assert list(groups["config_types"]) == ["old", "see"]


def test_every_module_is_drawn_into_its_part(checkout: Path) -> None:
    parts = draw(checkout).parts
    tiny = parts["vllm.model_executor.models"]["vllm.model_executor.models.tiny"]
    assert tiny["TinyForCausalLM"] == "class(Parent, SupportsPP)"
    assert tiny["Parent"] == "from vllm.model_executor.models.utils:Base"
    assert parts["vllm.models"]["vllm.models.far"] == {"": "unread"}


def test_config_classes_may_stand_in_a_plain_table(checkout: Path) -> None:
    path = checkout / "vllm/transformers_utils/config.py"
    path.write_text("_CONFIG_REGISTRY = {'see': SeeConfig, **more}\n")
    assert list(registry(draw(checkout))["config_types"]) == ["see"]
    path.unlink()
    assert registry(draw(checkout))["config_types"] == {}


def test_the_package_folder_itself_may_be_named(checkout: Path) -> None:
    assert draw(checkout / "vllm") == draw(checkout)


def test_a_named_version_wins(checkout: Path) -> None:
    assert draw(checkout, version="0.19.0").version == "0.19.0"


def test_a_folder_without_vllm(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="holds no vLLM source"):
        draw(tmp_path, version="0.32.0")


def test_a_release_of_no_known_era(checkout: Path) -> None:
    with pytest.raises(Usage, match="no known era"):
        draw(checkout, version="9.0.0")
    (checkout / "vllm/_version.py").unlink()
    with pytest.raises(Usage, match="no known era"):
        draw(checkout)


OLD_SOURCE = {
    "vllm/version.py": "__version__ = '0.5.1'\n",
    f"{MODELS}/interfaces.py": """
        class SupportsVision: ...
        class SupportsLoRA: ...
    """,
    f"{MODELS}/__init__.py": """
        _GENERATION_MODELS = {
            "BareForCausalLM": ("bare", "BareForCausalLM"),
            "SeeForConditionalGeneration": ("see", "See"),
            "TinyForCausalLM": ("tiny", "TinyForCausalLM"),
        }
        _WHY = "slow"
        _ROCM_PARTIALLY_SUPPORTED_MODELS = {"TinyForCausalLM": _WHY}
        _MODELS = {**_GENERATION_MODELS}
    """,
    f"{MODELS}/bare.py": """
        class BareModel:
            def forward(self, input_ids): ...
        class BareForCausalLM:
            def __init__(self):
                self.model = BareModel()
    """,
    f"{MODELS}/tiny.py": """
        from .interfaces import SupportsLoRA
        class Decoder:
            def get_input_embeddings(self, input_ids): ...
            def forward(self, input_ids, inputs_embeds=None): ...
        class TinyForCausalLM(SupportsLoRA):
            def __init__(self):
                self.inner = self._make()
            def _make(self):
                return Decoder()
    """,
    f"{MODELS}/see.py": """
        from .interfaces import SupportsVision
        class See(SupportsVision): ...
    """,
}


def test_a_first_release_is_grouped_as_later_ones(tmp_path: Path) -> None:
    write_source(tmp_path, OLD_SOURCE)
    drawn = draw(tmp_path, version="0.5.1.post3")
    assert drawn.version == "0.5.1.post3"
    texts, multimodal = (registry(drawn)[name] for name in ("text_generation", "multimodal"))
    assert sorted(multimodal) == ["SeeForConditionalGeneration"]
    assert {name: entry.get("decoder") for name, entry in texts.items()} == {
        "BareForCausalLM": None,
        "TinyForCausalLM": "inner",
    }


@pytest.mark.engine
def test_the_committed_catalog_is_what_the_installed_release_gives(engine_python: Path) -> None:
    find = "import importlib.util as u; print(u.find_spec('vllm').submodule_search_locations[0])"
    found = subprocess.run(
        [engine_python, "-c", find], capture_output=True, text=True, check=True, timeout=60
    )
    drawn = draw(Path(found.stdout.strip()))
    assert drawn.version in available()
    # The build for the CPU changes kernels; what a model is written against it does not.
    for part in (store.REGISTRY, "vllm.inputs", "vllm.multimodal", "vllm.model_executor.models"):
        for subject, given in drawn.parts[part].items():
            assert store.facts(part, subject, drawn.version) == given, subject
