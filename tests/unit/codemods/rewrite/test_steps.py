"""Every step on its cases: `NAME.before.py` becomes `NAME.after.py`, and that stays as it is.

`NAME.unchanged.py` has what the step wants already. `make golden` writes what comes
after anew; read the diff.
"""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from mmport.codemods.outcome import Changed, Failed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.run import FIRST_STEPS, STEPS
from mmport.codemods.rewrite.step import Step, distinct
from tests.unit.codemods.rewrite.conftest import rewriting

CASES = Path(__file__).parent / "cases"
BY_ID = {step.id: step for step in (*STEPS, *FIRST_STEPS)}
BEFORE = sorted(path.relative_to(CASES) for path in CASES.glob("*/*/*.before.py"))
UNCHANGED = sorted(path.relative_to(CASES) for path in CASES.glob("*/*/*.unchanged.py"))
"""Under the contract and the step."""


def applied(step: Step, source: str, contract: str = "current", **changes: object) -> Outcome:
    return step.apply(cst.parse_module(source), rewriting(contract, **changes))


@pytest.mark.parametrize("case", BEFORE, ids=str)
def test_a_case_becomes_what_is_committed(case: Path, request: pytest.FixtureRequest) -> None:
    step, before = BY_ID[case.parent.name], (CASES / case).read_text(encoding="utf-8")
    contract = case.parts[0]
    outcome = applied(step, before, contract)
    assert isinstance(outcome, Changed), outcome
    assert outcome.summary
    path = CASES / str(case).replace(".before.", ".after.")
    if request.config.getoption("--update-golden"):
        path.write_text(outcome.module.code, encoding="utf-8")
    after = path.read_text(encoding="utf-8")
    assert outcome.module.code == after
    compile(after, str(path), "exec")
    assert isinstance(applied(step, after, contract), Unchanged)
    lost = [line for line in comments(before) if line not in comments(after)]
    assert lost == []


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("case", UNCHANGED, ids=str)
def test_what_is_there_is_left_alone(case: Path) -> None:
    source = (CASES / case).read_text(encoding="utf-8")
    assert applied(BY_ID[case.parent.name], source, case.parts[0]) == Unchanged()


def test_every_step_has_cases_of_both_kinds_and_says_what_it_is() -> None:
    assert {case.parent.name for case in BEFORE} == set(BY_ID)
    without = {"processor"}  # what it wants is long: the golden file runs it twice
    assert {case.parent.name for case in UNCHANGED} == set(BY_ID) - without
    for step in BY_ID.values():
        assert step.summary
        assert step.reference
        assert step.since.count(".") == 2


def test_two_steps_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="one id"):
        distinct((STEPS[0], STEPS[0]))


def refused(step: str, source: str, *, in_vllm: bool = False) -> str:
    outcome = applied(BY_ID[step], source, in_vllm=in_vllm)
    assert isinstance(outcome, Failed | Skipped), outcome
    return outcome.reason


def test_among_vllms_own_models_imports_stay_and_nothing_registers() -> None:
    source = "from .utils import maybe_prefix\n\n\nclass Finch: ...\n"
    assert "vLLM's own models" in refused("absolute-imports", source, in_vllm=True)
    assert "vLLM's own models" in refused("registration", source, in_vllm=True)


def test_what_lies_beside_the_file_is_imported_from_there() -> None:
    source = "from .layers import FinchLayer\nfrom . import layers\n\n\nclass Finch: ...\n"
    step = BY_ID["absolute-imports"]
    assert applied(step, source, siblings=frozenset({"layers"})) == Unchanged()


def test_a_constructor_of_another_era_is_refused_by_what_it_lacks() -> None:
    source = "class Finch(nn.Module):\n    def __init__(self, config, cache_config=None): ...\n"
    assert "no vllm_config and no prefix" in refused("constructor", source)


def test_a_forward_that_takes_ids_alone_is_refused() -> None:
    source = "class Finch(nn.Module):\n    def forward(self, input_ids, positions, *args): ...\n"
    assert "no inputs_embeds" in refused("forward", source)
    inherited = "class Finch(LlamaForCausalLM):\n    pass\n"
    assert "inherits its forward" in refused("forward", inherited)


def test_a_release_with_a_table_of_multimodal_models_is_told_there() -> None:
    source = "class Finch(nn.Module):\n    pass\n"
    table = "vllm.model_executor.models"
    outcome = applied(BY_ID["registration"], source, "first", table=table, by_name=False)
    assert isinstance(outcome, Changed)
    code = outcome.module.code
    assert f"from {table} import _MULTIMODAL_MODELS" in code
    assert '"LlavaForConditionalGeneration", Finch' in code
    assert '_MULTIMODAL_MODELS["LlavaForConditionalGeneration"] = (__name__, "Finch")' in code
    compile(code, "registration", "exec")


def test_a_mapper_of_the_users_is_registered_in_place_of_vllms() -> None:
    source = "class Finch(nn.Module):\n    pass\n"
    outcome = applied(BY_ID["processor"], source, "first", mapper="map_songs")
    assert isinstance(outcome, Changed)
    assert "register_image_input_mapper(map_songs)" in outcome.module.code


def test_a_decoder_that_embeds_in_no_readable_place_is_refused() -> None:
    source = (
        "class Body(nn.Module):\n    def forward(self, input_ids):\n        return input_ids\n"
        "class Finch(nn.Module):\n    def __init__(self, config):\n        self.body = Body()\n"
        "    def forward(self, input_ids):\n        return self.body(input_ids)\n"
    )
    assert "embeds ids in 0 places" in refused("decoder", source)


def test_a_forward_that_lacks_the_eras_embeddings_gains_them_too() -> None:
    before = (CASES / "first" / "merging" / "in_its_place.before.py").read_text(encoding="utf-8")
    outcome = BY_ID["merging"].apply(cst.parse_module(before), rewriting("given embeddings"))
    assert isinstance(outcome, Changed)
    code = outcome.module.code
    given = code.index("inputs_embeds: Optional[torch.Tensor] = None,")
    assert code.index("intermediate_tensors: Optional") < given < code.index("pixel_values: ")
    assert "inputs_embeds = None" not in code.replace(
        "inputs_embeds: Optional[torch.Tensor] = None", ""
    )
