"""What is reached over files, guards and registries."""

from __future__ import annotations

import pytest

from mmport.anatomy.repo_code.carry import carry
from mmport.core.errors import MalformedSource
from tests.unit.anatomy.carrying import carried, dedented, one


class TestSeveralFiles:
    def test_relative_imports_are_followed(self) -> None:
        kept = carried(
            "encode",
            modeling_x="from .a import f, no\nfrom . import b\n\ndef encode(x): return b.g(f(x))",
            a="def f(x): return x\ndef no(): ...",
            b="from .c import h as k\ndef g(x): return k(x)\ndef more(): ...",
            c="def h(x): return x",
            d="this is not Python and nobody asks",
        )
        assert set(kept) == {"modeling_x", "a", "b", "c"}
        assert "no" not in kept["a"] + kept["modeling_x"].replace("not used", "")
        assert "more" not in kept["b"]

    def test_what_a_base_uses_may_be_a_subclasss(self) -> None:
        kept = carried(
            "X.encode",
            "Y.encode",
            modeling_x="""
                from .a import Base

                class X(Base):
                    def part(self): return 1
                    def unused(self): ...

                class Y(Base):
                    def part(self): return getattr(self, "other", 2)
                    def other(self): ...
            """,
            a="""
                class Base:
                    def part(self): raise NotImplementedError
                    def encode(self): return self.part()
            """,
        )
        assert kept["modeling_x"].count("def part") == 2
        assert "def other" in kept["modeling_x"]
        assert "unused" not in kept["modeling_x"].replace("not used", "")
        assert "def part" not in kept["a"]

    def test_an_import_inside_of_a_function(self) -> None:
        text = "def encode(x):\n    from .a import f\n    return f(x)\n"
        kept = carried("encode", modeling_x=text, a="def f(x): return x\ndef g(x): ...")
        assert "def f" in kept["a"]
        assert "def g" not in kept["a"]

    def test_star_imports(self) -> None:
        kept = carried(
            "encode",
            modeling_x="from .a import *\nfrom math import *\n\ndef encode(x): return f(sqrt(x))",
            a="def f(x): return x\ndef g(x): ...",
        )
        assert "def f" in kept["a"]
        assert "def g" not in kept["a"]
        assert kept["modeling_x"].count("import *") == 2
        none = carried("encode", modeling_x="from math import *\n\ndef encode(x): return x")
        assert "import" not in none["modeling_x"]

    def test_folders(self) -> None:
        kept = carried(
            "encode",
            module="vision.tower",
            **{
                "vision.tower": "from ..shared import f\nfrom .parts import g\n"
                "def encode(x): return f(g(x))",
                "shared": "def f(x): return x",
                "vision.parts": "def g(x): return x",
            },
        )
        assert set(kept) == {"vision.tower", "shared", "vision.parts"}

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("from ..x import f\ndef encode(): f()", "outside its folder"),
            ("from .gone import f\ndef encode(): f()", "gone.py"),
            ("from .a import f\ndef encode(): f()", "a.py is not Python in line 1"),
            ("def other(): ...", "has no encode"),
            ("def encode(: ...", "modeling_x.py is not Python"),
            ("def encode():\n    nonlocal x\n", "cannot be followed"),
        ],
    )
    def test_what_cannot_be_followed(self, text: str, told: str) -> None:
        modules = {"modeling_x": text, "a": "def f(:", "../up": "x = 1"}
        with pytest.raises(MalformedSource, match=told):
            carry(modules, {"modeling_x": ["encode"]})

    def test_a_file_name_never_leaves_the_folder(self) -> None:
        for name in ("../up", "a/b", "a.b.", "class", ""):
            with pytest.raises(MalformedSource, match="does not have"):
                carry({name: "x = 1"}, {name: ["x"]})


class TestGuardsAndEffects:
    FLASH = """
        from transformers.utils import is_flash_attn_2_available

        if is_flash_attn_2_available():
            from flash_attn import flash_attn_func, flash_attn_varlen_func
            from flash_attn.bert_padding import pad_input

        try:
            from apex.normalization import FusedRMSNorm
        except ImportError:
            pass

        def plain(x):
            return x

        def fast(x):
            return flash_attn_func(x)
    """

    def test_a_guard_that_nobody_needs_is_left_out(self) -> None:
        assert one("plain", text=self.FLASH) == "def plain(x):\n    return x"

    def test_a_guard_that_is_needed_is_cut_to_that(self) -> None:
        assert one("fast", text=self.FLASH) == dedented(
            """
            from transformers.utils import is_flash_attn_2_available

            if is_flash_attn_2_available():
                from flash_attn import flash_attn_func


            def fast(x):
                return flash_attn_func(x)
            """
        )

    def test_a_block_that_is_emptied_passes(self) -> None:
        text = """
            try:
                from fast import unused
            except ImportError:
                norm = None

            def f(): return norm
        """
        assert "try:\n    pass\nexcept" in one("f", text=text)

    def test_entries_of_a_registry_come_along(self) -> None:
        text = """
            from transformers import AutoModel, AutoConfig
            import torch

            torch.backends.cudnn.benchmark = True

            class Tower: ...
            class Head: ...
            class Config: ...

            KINDS = {}
            KINDS["tower"] = Tower
            AutoModel.register(Config, Tower)
            AutoModel.register(Config, Head)
            AutoConfig.register("x", Config)

            if __name__ == "__main__":
                KINDS.clear()

            def build(config: Config):
                return KINDS[config.kind](), AutoModel.from_config(config), torch.ones(1)
        """
        kept = one("build", text=text)
        assert 'KINDS["tower"] = Tower\nAutoModel.register(Config, Tower)\n' in kept
        for gone in ("Head", "AutoConfig", "cudnn", "__main__"):
            assert gone not in kept
