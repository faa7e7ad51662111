"""A text is parsed once, and what is read of it are nodes of the tree that is given for it."""

from __future__ import annotations

from mmport.usage.parsing import model_file, parsed
from mmport.vllm_api.surface.stubs import ModuleName

MODULE = ModuleName("vllm.model_executor.models.finch")


def test_a_file_is_of_the_tree_that_its_text_has_though_others_were_parsed_between() -> None:
    text = "class Finch: ..."
    model_file(text, MODULE)
    for other in ("a = 1", "b = 2", "c = 3"):
        parsed(other)
    assert model_file(text, MODULE).classes["Finch"].node is parsed(text).body[0]
