from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmport.core.errors import ModelNotFound
from mmport.core.output import Format, Sink
from mmport.verification.jobs import Setup
from mmport.workflows import verify, verify_many
from mmport.workflows.verify import VerifyOptions
from tests.unit.verification.models import KNOWN


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, VerifyOptions]]:
    """No engine: each model's evidence is its name, and `lost` has none."""
    seen: list[tuple[str, VerifyOptions]] = []

    def prove(model: str, options: VerifyOptions, *_: Any) -> tuple[str, ...]:
        seen.append((model, options))
        if model == "lost":
            raise ModelNotFound("there is no lost", "look for it")
        return (model,)

    @contextmanager
    def warm(*_: Any) -> Iterator[None]:
        yield None

    monkeypatch.setattr(verify_many, "prove", prove)
    monkeypatch.setattr(verify_many, "verify", prove)
    monkeypatch.setattr(verify_many, "warm_jobs", warm)
    engines = SimpleNamespace(
        hf=Path("python"), vllm=Path("python"), vllm_facts=SimpleNamespace(vllm=None)
    )
    monkeypatch.setattr(verify_many, "find_engine", lambda *_: engines)
    return seen


def run(models: Sequence[str], **options: Any) -> verify_many.Results:
    return verify_many.verify_many(models, VerifyOptions(**options), Sink(Format.TEXT))


def test_one_model_that_fails_does_not_keep_the_others(
    asked: list[tuple[str, VerifyOptions]],
) -> None:
    found = run(["a", "lost", "b"])

    assert [str(one) for one in found.evidence] == ["a", "b"]
    ((model, error),) = found.errors
    assert (model, error.what) == ("lost", "there is no lost")


def test_a_single_model_raises_what_is_wrong_with_it(
    asked: list[tuple[str, VerifyOptions]],
) -> None:
    with pytest.raises(ModelNotFound):
        run(["lost"])


def test_reports_go_to_folders_of_their_own(
    asked: list[tuple[str, VerifyOptions]], tmp_path: Path
) -> None:
    run(["x/a", "x/b", "y/b"], report=tmp_path)

    assert {model: str(options.report) for model, options in asked} == {
        "x/a": str(tmp_path / "a"),
        "x/b": str(tmp_path / "b-1"),
        "y/b": str(tmp_path / "b-2"),
    }


def test_on_a_gpu_the_place_of_a_fault_is_sought_in_float32_too(tmp_path: Path) -> None:
    python = Path("python")
    plain = Setup(tmp_path, KNOWN, "tiny", None, True, python, python, tmp_path / "work")
    on_gpu = replace(plain, gpu=True, dtype="bfloat16", compiled=True, tensor_parallel=2)

    assert verify._passes(plain) == (plain,)
    first, second = verify._passes(on_gpu)
    assert first is on_gpu
    assert (second.dtype, second.compiled, second.tensor_parallel) == ("float32", False, 1)
    assert second.work != first.work
    bound = replace(on_gpu, facts=replace(KNOWN, dtype="bfloat16"))
    assert verify._passes(bound) == (bound,)


def test_the_usual_dtype_is_that_of_the_device() -> None:
    assert VerifyOptions().run_dtype == "float32"
    assert VerifyOptions(gpu=True).run_dtype == "bfloat16"
    assert VerifyOptions(gpu=True, dtype="float16").run_dtype == "float16"
