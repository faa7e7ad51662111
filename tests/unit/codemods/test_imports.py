"""An import that is added stands where a reader looks for it."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.imports import Imported, with_imports

UNSORTED = """\
import torch

from vllm.config import VllmConfig
from vllm.multimodal.parse import ImageSize
from vllm.sequence import IntermediateTensors

from vllm.model_executor.models.utils import maybe_prefix
"""


def added(text: str, module: str, name: str) -> list[str]:
    done = with_imports(cst.parse_module(text), [Imported(module, name, name)])
    return done.code.splitlines()


def test_an_import_stands_behind_the_one_that_sorts_last_before_it() -> None:
    lines = added(UNSORTED, "vllm.multimodal.inputs", "MultiModalKwargsItems")
    line = "from vllm.multimodal.inputs import MultiModalKwargsItems"
    assert (
        lines[lines.index(line) - 1] == "from vllm.model_executor.models.utils import maybe_prefix"
    )
    lines = added(UNSORTED, "vllm.tokenizers", "TokenizerLike")
    line = "from vllm.tokenizers import TokenizerLike"
    assert lines[lines.index(line) - 1] == "from vllm.sequence import IntermediateTensors"


def test_one_that_sorts_before_all_takes_over_what_stands_above() -> None:
    lines = added(UNSORTED, "vllm.attention", "Attention")
    assert lines[1:4] == [
        "",
        "from vllm.attention import Attention",
        "from vllm.config import VllmConfig",
    ]


def test_a_section_of_its_own_is_parted_from_the_others() -> None:
    assert added(UNSORTED, "re", "compile")[:3] == ["from re import compile", "", "import torch"]
