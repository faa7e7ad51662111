"""Files that are to serve a span of releases: `RELEASE.NAME.before.py` and what becomes of it.

The release is the first of the span, whose last is 0.32.0; check finds no error in any.
`make golden` writes what comes after anew; read the diff.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Migrated
from mmport.codemods.migrate.shim.run import shim_text
from mmport.gate.api.check import check_source
from mmport.model.finding import Severity
from mmport.vllm_api import store
from mmport.vllm_api.surface.stubs import ModuleName

CASES = Path(__file__).parent / "cases"
BEFORE = sorted(path.name for path in CASES.glob("*.before.py"))
TARGET = "0.32.0"
SILENT = {"0.11.2.batching.before.py"}
"""What fails nowhere and is wrong all the same, so that check has nothing to say."""
NOT_CALLED_THEN = "_call_hf_processor"
"""What 0.29 and 0.30 alone do not call: their hook is another one, and has to be written."""


def shimmed(text: str, origin: str) -> Migrated:
    return shim_text(Reading(text, ModuleName("port.finch"), origin, TARGET))


def first_of(case: str) -> str:
    found = re.match(r"[\d.]+?(?=\.[a-z])", case)
    assert found
    return found.group()


def errors(text: str, origin: str) -> list[tuple[str, str]]:
    places = store.places()
    releases = store.releases()[places[origin] : places[TARGET] + 1]
    return [
        (one.target or "", one.message)
        for one in check_source(Path("finch.py"), text, releases)
        if one.severity is Severity.ERROR
    ]


@pytest.mark.parametrize("case", BEFORE)
def test_a_case_serves_every_release_and_stays_so(
    case: str, request: pytest.FixtureRequest
) -> None:
    before, origin = (CASES / case).read_text("utf-8"), first_of(case)
    done = shimmed(before, origin)
    path = CASES / case.replace(".before.", ".after.")
    if request.config.getoption("--update-golden"):
        path.write_text(done.text, encoding="utf-8")
    after = path.read_text("utf-8")
    assert done.text == after
    compile(after, str(path), "exec")
    assert not done.notes
    assert shimmed(after, origin).text == after
    crlf = shimmed(before.replace("\n", "\r\n"), origin).text
    assert crlf == after.replace("\n", "\r\n")
    comments = re.findall(r"#.*", before)
    assert not [one for one in comments if one not in after]
    assert done.text != before
    assert errors(before, origin) or case in SILENT
    left = errors(after, origin)
    assert not [one for one in left if NOT_CALLED_THEN not in one[1]]
    assert {release for release, _ in left} <= {"0.29.0", "0.30.0"}


def test_what_has_no_form_for_both_sides_is_left_and_told() -> None:
    text = (
        "from vllm.model_executor.models.interfaces_base import default_pooling_type\n\n\n"
        '@default_pooling_type("CLS")\n'
        "class Finch:\n    pass\n"
    )
    done = shimmed(text, "0.11.2")
    assert done.text == text
    (note,) = done.notes
    assert "0.14.0" in note.message
    assert "seq_pooling_type=" in note.fix


def test_a_processor_call_that_looks_at_its_arguments_is_told() -> None:
    text = (
        "from vllm.multimodal.processing import BaseMultiModalProcessor\n\n\n"
        "class Finch(BaseMultiModalProcessor):\n"
        "    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):\n"
        "        return self.made(prompt, mm_data)\n"
    )
    done = shimmed(text, "0.11.2")
    assert "def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs)" in done.text
    assert [one.scope for one in done.notes] == [("Finch", "_call_hf_processor")]


def test_metadata_that_is_looked_at_is_told() -> None:
    text = (
        "class Finch:\n"
        "    def compute_logits(self, hidden_states, sampling_metadata):\n"
        "        return self.head(hidden_states, sampling_metadata.rows)\n"
    )
    done = shimmed(text, "0.10.2")
    assert done.text == text
    assert [one.scope for one in done.notes] == [("Finch", "compute_logits")]


def test_check_sees_which_import_of_a_try_a_release_makes() -> None:
    text = (
        "try:\n"
        "    from vllm.multimodal.processing import BaseDummyInputsBuilder\n"
        "except ImportError:\n"
        "    from vllm.multimodal.profiling import BaseDummyInputsBuilder\n\n\n"
        "class Finch(BaseDummyInputsBuilder):\n"
        "    def get_dummy_mm_data(self, seq_len):\n"
        "        return {}\n"
    )
    found = errors(text, "0.11.2")
    assert {release for release, _ in found} == set(
        store.releases()[store.places()["0.11.2"] : store.places()[TARGET] + 1]
    )
