"""What is written of a module that is carried, and what of a class in part."""

from __future__ import annotations

import ast

from mmport.anatomy.repo_code.carry import carry
from tests.unit.anatomy.carrying import carried, dedented, one


class TestWhatIsReached:
    def test_only_what_is_needed_in_its_own_order_and_layout(self) -> None:
        text = """
            import math
            import os
            from torch import (
                nn,
                Tensor,  # a type
            )

            SCALE = {"a": 1,   "b": 2}  # odd spacing stays
            UNUSED = 3


            class Encoder(nn.Module):
                # why not
                def forward(self, x):
                    return helper(x) * SCALE["a"]


            # says what helper does
            def helper(x):
                return math.sqrt(x)


            class Decoder(nn.Module):
                pass
        """
        assert one("Encoder", text=text) == dedented(
            """
            import math
            from torch import nn

            SCALE = {"a": 1,   "b": 2}  # odd spacing stays


            class Encoder(nn.Module):
                # why not
                def forward(self, x):
                    return helper(x) * SCALE["a"]


            # says what helper does
            def helper(x):
                return math.sqrt(x)
            """
        )

    def test_local_names_ask_for_nothing(self) -> None:
        text = """
            from other import config, states, mask

            def encode(x, config):
                mask = [states for states in x]
                return mask, config
        """
        assert "import" not in one("encode", text=text)

    def test_annotations_bases_decorators_and_defaults_are_asked_for(self) -> None:
        text = """
            from a import Base, Output, Quoted, decorate, unused
            from b import DEFAULT

            @decorate
            class Encoder(Base):
                def forward(self, x: "Quoted" = DEFAULT) -> "list[Output]": ...
        """
        assert dedented(one("Encoder", text=text)).startswith(
            "from a import Base, Output, Quoted, decorate\nfrom b import DEFAULT\n"
        )

    def test_what_is_bound_twice_is_kept_twice(self) -> None:
        text = """
            from z import flag

            if flag():
                def act(x): return x
            else:
                act = None


            def encode(x): return act(x)
        """
        assert one("encode", text=text) == dedented(text)

    def test_long_imports_stay_within_the_line(self) -> None:
        names = ", ".join(f"a_rather_long_name_{number}" for number in range(6))
        text = f"from package.module import {names}, other\n\ndef f(): return ({names})\n"
        assert max(map(len, one("f", text=text).splitlines()[:9])) <= 88


class TestClassesInPart:
    TEXT = """
        from torch import nn
        from lm import LanguageModel, BaseModel

        class Tower(nn.Module):
            def __init__(self, config):
                super().__init__()

        class Own(BaseModel):
            supports = True

            def __init__(self, config):
                self.text = LanguageModel(config)

            def pool(self, x):
                return x.mean()

        class Model(Own):
            \"\"\"A model.\"\"\"

            config_class = Tower
            layer = -1

            def __init__(self, config):
                self.tower = Tower(config)

            # The features.
            @staticmethod
            def scale(x):
                return x * 2

            def encode(self, x):
                return self.pool(self.scale(x)) + self.missing

            def forward(self, x):
                return self.text(self.encode(x))
    """

    def test_methods_are_found_through_self_and_bases(self) -> None:
        assert one("Model.encode", text=self.TEXT) == dedented(
            '''
            from lm import BaseModel


            class Own(BaseModel):
                supports = True

                def pool(self, x):
                    return x.mean()


            class Model(Own):
                """A model."""

                layer = -1

                # The features.
                @staticmethod
                def scale(x):
                    return x * 2

                def encode(self, x):
                    return self.pool(self.scale(x)) + self.missing
            '''
        )

    def test_none_of_the_methods(self) -> None:
        text = "class Model(object):\n    def forward(self):\n        return 1\n"
        assert one("Model.", text=text) == "class Model(object):\n    pass"

    def test_super_reaches_the_same_method_of_the_base(self) -> None:
        text = """
            class Base:
                def encode(self, x):
                    return self.inner(x)

                def inner(self, x):
                    return x

                def other(self):
                    return 0

            class Model(Base):
                def encode(self, x):
                    return super().encode(x)
        """
        kept = one("Model.encode", text=text)
        assert "def inner" in kept
        assert "def other" not in kept

    def test_a_base_that_is_needed_whole_stays_whole(self) -> None:
        text = """
            class Base:
                def __init__(self): self.a = 1

            class Tower(Base): ...

            class Model(Base):
                def encode(self): return Tower()
        """
        assert "self.a = 1" in one("Model.encode", text=text)

    def test_a_base_of_another_file(self) -> None:
        base = """
            from lm import LanguageModel

            class Base:
                def __init__(self): self.text = LanguageModel()
                def pool(self, x): return x
        """
        model = """
            from .base_x import Base

            class Model(Base):
                def encode(self, x): return self.pool(x)
        """
        kept = carried("Model.encode", modeling_x=model, base_x=base)
        assert "LanguageModel" not in kept["base_x"]
        assert "def pool" in kept["base_x"]
        assert kept["modeling_x"].strip() == dedented(model).replace("\n\nclass", "\n\n\nclass")


class TestHeader:
    def test_licence_origin_docstring_and_future_stay(self) -> None:
        text = dedented(
            '''
            #!/usr/bin/env python
            # -*- coding: utf-8 -*-
            # Copyright 2026 Somebody
            #
            # Licensed under the Apache License

            # Adapted from elsewhere.
            """What it is."""

            from __future__ import annotations
            import os
            x = 1
            '''
        )
        kept = carry({"m": "\ufeff" + text}, {"m": ["x"]}, origin="lab/model\n\x1b[0m at abc")["m"]
        told = "# Carried from m.py of lab/model \N{REPLACEMENT CHARACTER}[0m at abc,"
        assert kept.splitlines() == [
            "# Copyright 2026 Somebody",
            "#",
            "# Licensed under the Apache License",
            "",
            "# Adapted from elsewhere.",
            f"{told} less what is not used here.",
            '"""What it is."""',
            "",
            "from __future__ import annotations",
            "x = 1",
        ]

    def test_lines_end_where_python_says(self) -> None:
        text = 'a = 1\r\n\x0cb = "\x0b\u2028"\r\nc = 3\r\n'
        assert ast.unparse(ast.parse(one("c", text=text))) == "c = 3"
        assert (
            ast.literal_eval(one("b", text=text).strip("\x0c").removeprefix("b = ")) == "\x0b\u2028"
        )
