"""What a repo's config class makes of `config.json`, without running it."""

from __future__ import annotations

import json
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from mmport.anatomy.repo_code.configs import RepoConfig, read_config
from mmport.core.errors import MalformedSource
from mmport.inspection import hf_library

HUB_CODE = Path(__file__).parents[3] / "hub_code"
AUTO_MAP = {"AutoConfig": "configuration_x.XConfig"}


def read(text: str, **config: Any) -> RepoConfig:
    """Read a config of a class `XConfig`."""
    modules = {"configuration_x": textwrap.dedent(text)}
    return read_config({"auto_map": AUTO_MAP, **config}, modules, hf_library.config_type)


def made(body: str, **config: Any) -> dict[str, Any]:
    """Give the attributes of a config with such a body of its `__init__`."""
    head = "from transformers import *\nclass XConfig(PretrainedConfig):\n"
    head += "    def __init__(self, vision=None, size=8, **kwargs):\n"
    return read(head + textwrap.indent(textwrap.dedent(body), " " * 8), **config).values


class TestValues:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("self.a = size", 8),
            ("self.a = size * 2 + 1", 17),
            ("self.a = (size // 3) ** 2", 4),
            ("self.a = size if vision is None else 0", 8),
            ("self.a = -1 if size > 8 else size", 8),
            ("b = size\nb += 2\nself.a = b", 10),
            ("self.a = dict(vision or {'k': 1})", {"k": 1}),
            ("self.a = {**{'k': 1}, 'l': [size, (2, 3)]}", {"k": 1, "l": [8, [2, 3]]}),
            ("self.a = {'k': 3}.get('k', 0) + {'k': 3}.get('l', 1)", 4),
            ("self.a = kwargs.pop('extra', 5)", 5),
            ("self.a, self.b = size, 1", 8),
            ("self.a = int('7')", 7),
            ("self.a = [1, 2, 3][-1]", 3),
            ("self.a = None\nif vision is None:\n    self.a = 1\nelse:\n    self.a = 2", 1),
            ("setattr(self, 'a', size)", 8),
            ("self.a = size in (4, 8)", True),
            ("try:\n    self.a = size\nexcept KeyError:\n    pass", 8),
            ("super().__init__(a=3, **kwargs)", 3),
            ("import os\nself.a = 1\nif os.environ.get('A'):\n    self.a = 1", 1),
        ],
    )
    def test_plain_code_is_followed(self, body: str, expected: Any) -> None:
        assert made(body)["a"] == expected

    @pytest.mark.parametrize(
        "body",
        [
            "import os\nself.a = os.environ['A']",
            "self.a = open('/etc/passwd').read()",
            "import os\nself.a = 2 if os.environ.get('A') else 3",
            "import os\nself.a = 2\nif os.environ.get('A'):\n    self.a = 3",
            "self.a = 1\nfor i in range(3):\n    self.a = i",
            "self.a = [i for i in range(3)]",
            "self.a = 10 ** 10 ** 10",
            "self.a = 'x' * 10 ** 12",
            "self.a = [0] * 10 ** 9",
            "self.a = 1 // 0",
            "self.a = size.__class__",
            "self.a = undefined(size)",
            "self.a = vision['k']",
        ],
    )
    def test_what_is_not_plain_has_no_value(self, body: str) -> None:
        began = time.monotonic()
        text = "class XConfig:\n    def __init__(self, vision=None, size=8, **kwargs):\n"
        found = read(text + textwrap.indent(body, " " * 8))
        assert found.untold == ("a",)
        assert "a" not in found.values
        assert time.monotonic() - began < 2

    def test_what_config_json_says_stands_where_the_code_is_not_plain(self) -> None:
        text = "class XConfig:\n    def __init__(self, a=1):\n        self.a = wild(a)\n"
        assert read(text, a=7).values["a"] == 7

    def test_calls_in_a_circle_end(self) -> None:
        body = "class XConfig:\n    def __init__(self):\n        self.a = self.f(1)\n"
        text = body + "    def f(self, n):\n        return [self.f(n + i) for i in (1,)] and (\n"
        text += "            self.f(n + 1) + self.f(n + 2) + self.f(n + 3) + self.f(n + 4))\n"
        began = time.monotonic()
        assert read(text).untold == ("a",)
        assert time.monotonic() - began < 5

    def test_lists_that_grow_beyond_measure(self) -> None:
        body = "".join(f"a{n + 1} = [a{n}, a{n}]\n" for n in range(60))
        assert "a" not in made(f"a0 = [1]\n{body}self.a = a60")

    def test_config_json_comes_first_and_the_rest_is_kept(self) -> None:
        values = made("self.size = size\nsuper().__init__(**kwargs)", size=5, other=[1])
        assert (values["size"], values["other"]) == (5, [1])


class TestParts:
    TEXT = """
        from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig
        from transformers import Qwen2Config as TextConfig

        DEFAULT = {"model_type": "siglip_vision_model", "hidden_size": 32}

        class TowerConfig(PretrainedConfig):
            model_type = "x_tower"
            def __init__(self, hidden_size=16, heads=4, **kwargs):
                self.hidden_size = hidden_size
                self.heads = heads
                self.head_width = hidden_size // heads
                super().__init__(**kwargs)

        class BaseConfig(PretrainedConfig):
            def __init__(self, image_token_id=9, **kwargs):
                self.image_token_id = image_token_id
                super().__init__(**kwargs)

        class XConfig(BaseConfig):
            model_type = "x"
            def __init__(self, tower=None, vision=None, llm=None, other=None, **kwargs):
                if tower is None:
                    self.tower = TowerConfig()
                elif isinstance(tower, dict):
                    self.tower = TowerConfig(**tower)
                else:
                    self.tower = tower
                vision = vision or DEFAULT
                self.vision = CONFIG_MAPPING[vision["model_type"]](**vision)
                self.llm = TextConfig(**(llm or {}))
                self.other = AutoConfig.for_model(**(other or {"model_type": "llama"}))
                self.width = self.tower.hidden_size + self.vision.hidden_size
                super().__init__(**kwargs)
            def get_text_config(self, decoder=False):
                return self.llm
    """

    def test_each_kind(self) -> None:
        found = read(self.TEXT, tower={"hidden_size": 24}, llm={"hidden_size": 8})
        assert found.values["tower"] == {
            "model_type": "x_tower",
            "hidden_size": 24,
            "heads": 4,
            "head_width": 6,
        }
        assert found.values["vision"]["model_type"] == "siglip_vision_model"
        assert found.values["llm"] == {"hidden_size": 8, "model_type": "qwen2"}
        assert found.values["other"] == {"model_type": "llama"}
        assert found.values["width"] == 56
        assert found.values["image_token_id"] == 9
        assert (found.text, found.base, found.untold) == ("llm", "PretrainedConfig", ())

    def test_filled_has_what_classes_take_and_nothing_worked_out(self) -> None:
        found = read(self.TEXT, tower={"hidden_size": 24})
        assert found.filled["tower"] == {"hidden_size": 24, "heads": 4, "model_type": "x_tower"}
        assert found.filled["image_token_id"] == 9
        assert found.filled["auto_map"] == AUTO_MAP
        assert "width" not in found.filled
        again = read(self.TEXT, **{k: v for k, v in found.filled.items() if k != "auto_map"})
        assert again.filled == found.filled
        assert again.values == found.values

    def test_a_config_that_extends_a_text_models(self) -> None:
        text = """
            from transformers import LlamaConfig
            class XConfig(LlamaConfig):
                model_type = "x"
                mm_tokens: int = 4
        """
        found = read(text, hidden_size=8)
        assert found.base == "LlamaConfig"
        assert found.values["mm_tokens"] == 4
        assert found.values["hidden_size"] == 8
        assert found.text == ""


class TestFinding:
    def test_in_another_file(self) -> None:
        modules = {
            "configuration_x": "from .base import YConfig as XConfig",
            "base": "class YConfig:\n    def __init__(self, a=1): self.a = a",
        }
        assert read_config({"auto_map": AUTO_MAP}, modules).values["a"] == 1

    @pytest.mark.parametrize(
        "reference", ["configuration_x.Other", "gone.XConfig", "../up.XConfig", "", 3, None]
    )
    def test_a_class_that_is_not_there(self, reference: object) -> None:
        with pytest.raises(MalformedSource, match="does not have"):
            read_config(
                {"auto_map": {"AutoConfig": reference}},
                {"configuration_x": "class XConfig: ...", "../up": "class XConfig: ..."},
            )

    def test_bases_in_a_circle(self) -> None:
        text = "class XConfig(YConfig):\n    a: int = 1\nclass YConfig(XConfig):\n    b: int = 2\n"
        assert read(text).values.items() >= {"a": 1, "b": 2}.items()


def test_what_the_parts_extend_is_told() -> None:
    text = """
        from transformers import PretrainedConfig, Qwen2Config
        class YConfig(Qwen2Config):
            model_type = "y"
        class XConfig(PretrainedConfig):
            def __init__(self, one=None, other=None, **kwargs):
                self.one = YConfig(**one)
                self.other = Qwen2Config(**other)
    """
    found = read(text, one={"a": 1}, other={"b": 2})
    assert found.bases == {"one": "Qwen2Config"}
    assert found.values["one"]["model_type"] == "y"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("ember", "llm_config", "qwen2"),
        ("aldine", "text_config", "qwen2"),
        ("brindle", "llm_config", "qwen3"),
        ("corvid", "text_config", "llama"),
        ("dovetail", "language_config", "mistral"),
        ("fathom", "text_config", "granite"),
    ],
)
def test_hub_code(name: str, text: str, kind: str) -> None:
    folder = HUB_CODE / name
    modules = {path.stem: path.read_text() for path in folder.glob("*.py")}
    config = json.loads((folder / "config.json").read_text())
    bare = {key: config[key] for key in ("auto_map", "model_type")}
    for given in (config, bare):
        found = read_config(given, modules, hf_library.config_type)
        assert found.values[text]["model_type"] == kind
        assert any(isinstance(found.values.get(key), int) for key in _IDS)
        assert found.text in ("", text)


_IDS = ("image_token_id", "image_token_index", "img_context_token_id")
