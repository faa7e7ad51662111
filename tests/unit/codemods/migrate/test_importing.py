"""The imports of a migrated file: what is needed, laid out as a formatter does."""

from __future__ import annotations

import ast
from dataclasses import replace

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.importing import laid_out, with_needed
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import compose
from mmport.vllm_api.surface.stubs import ModuleName

MODULE = ModuleName("port.finch")


def reading(text: str) -> Reading:
    return Reading(text, MODULE, "0.31.0", "0.32.0")


def test_nothing_below_the_first_definition_is_read_for_an_import() -> None:
    text = "import os\n\n\n@os.wraps\nclass Finch:\n\tpass\n"
    assert with_needed(reading(text), [Imported("torch", "", "torch")]) == (
        "import os\n\nimport torch\n\n\n@os.wraps\nclass Finch:\n\tpass\n"
    )


def test_an_import_goes_above_a_file_that_begins_with_a_definition() -> None:
    for end in ("\n", "\r\n"):
        text = f"def finch():{end}    pass{end}"
        done = with_needed(reading(text), [Imported("torch", "", "torch")])
        assert done == f"import torch{end}{text}"


def test_imports_whose_names_changed_are_laid_out_and_others_are_not() -> None:
    before = "from a import (b,\n    c)\nfrom d import (e,\n    f,\n    g)\n"
    after = "from a import (b,\n    c)\nfrom d import (e,\n    g)\n"
    assert laid_out(reading(before), reading(after)) == (
        "from a import (b,\n    c)\nfrom d import e, g\n"
    )


def test_a_list_that_is_too_long_for_a_line_has_one_name_a_line() -> None:
    names = [f"a_name_of_some_length_{place}" for place in range(4)]
    text = f"if 1:\n    from a import {', '.join(names)} as c\n"
    done = laid_out(reading("pass\n"), reading(text))
    rows = "".join(f"        {one},\n" for one in [*names[:-1], f"{names[-1]} as c"])
    assert done == f"if 1:\n    from a import (\n{rows}    )\n"
    ast.parse(done)


def test_remarks_keep_an_import_as_it_is() -> None:
    for text in (
        "from a import (b,  # of this\n    c)\n",
        "from a import (b,\n    c)  # noqa\n",
        "import x; from a import (b,\n    c)\n",
    ):
        assert laid_out(reading("pass\n"), reading(text)) == text


def test_what_one_codemod_asks_for_and_another_makes_useless_is_not_imported() -> None:
    def writes(old: str, new: str, *needs: str) -> Codemod:
        def apply(given: Reading) -> Edits:
            edits = Edits()
            place = given.text.index(old)
            edits.put(place, place + len(old), new)
            for name in needs:
                edits.need("helpers", name)
            return edits

        return replace(CODEMODS[0], apply=apply, since="")

    first, second = writes("one()", "two()", "two", "unused"), writes("two()", "three()")
    assert compose(reading("one()\n"), [first]).text == ("from helpers import two, unused\ntwo()\n")
    assert compose(reading("one()\n"), [first, second]).text == (
        "from helpers import unused\nthree()\n"
    )
