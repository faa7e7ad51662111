"""`rewrite` over the model files of whole releases, read from what is installed."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from mmport.codemods.classes import find_class
from mmport.codemods.parsing import ParsedFile, parse, read_python
from mmport.codemods.rewrite.graft import Graft
from mmport.codemods.rewrite.run import Rewritten, rewrite
from mmport.codemods.rewrite.step import Rewriting
from mmport.codemods.rewrite.steps.decoder import decoder_class, decoder_of
from mmport.generation.rewriting import graft_of, model_classes
from mmport.planning.plan import plan_graft
from mmport.vllm_api.catalog import DEFAULT_VERSION, resolve_target
from tests.conftest import legacy_python
from tests.golden.cases import load_spec
from tests.legacy.conftest import RELEASES, on
from tests.rewriting import models_of
from tests.unchanged import require_untouched

pytestmark = pytest.mark.engine

SAMPLE = 24
"""Of how many files the fast lane takes one."""
LONG = pytest.mark.full(reason="minutes for all files of a release; the fast lane has a sample")


@cache
def graft(target: str, decoder: str) -> Graft:
    spec = load_spec("clip_llama")
    return graft_of(plan_graft(spec, resolve_target(target)), spec, decoder=decoder)


def rewritten(file: ParsedFile, code: str, name: str, target: str) -> Rewritten:
    module = parse(code, str(file.path))
    decoder = decoder_of(find_class(module, name)) or "model"
    return rewrite(module, Rewriting(name, graft(target, decoder), "LlavaForX"))


def check_file(path: Path, target: str) -> Counter[str]:
    """Rewrite every model class of a file, each by itself; count what came of them."""
    file, found = read_python(path), Counter[str]()
    for name in model_classes(file):
        before = file.module.code
        made = rewritten(file, before, name, target)
        after = made.module.code
        if made.failures:
            assert after == before
            found["refused"] += 1
            continue
        parse(after, str(path))
        decoder = decoder_class(file.module, find_class(file.module, name))
        edited = {name} | ({decoder.name.value} if decoder is not None else set())
        require_untouched(before, after, edited)
        assert rewritten(file, after, name, target).module.code == after
        found["unchanged" if after == before else "changed"] += 1
    return found


def check_release(python: Path, target: str, step: int = 1) -> Counter[str]:
    found = Counter[str]()
    for path in sorted(models_of(python).glob("*.py"))[::step]:
        found += check_file(path, target)
    return found


def test_a_sample_of_the_installed_release(engine_python: Path) -> None:
    found = check_release(engine_python, DEFAULT_VERSION, SAMPLE)
    assert found["changed"] > 2
    assert found["refused"] <= 1


@LONG
def test_every_file_of_the_installed_release(engine_python: Path) -> None:
    found = check_release(engine_python, DEFAULT_VERSION)
    assert found["changed"] > 100
    assert found["refused"] < 5


@pytest.mark.parametrize("release", [on(one) for one in RELEASES])
def test_every_file_of_an_old_release(release: str) -> None:
    python = legacy_python(release)
    assert python is not None  # the marker left the case out otherwise
    found = check_release(python, release)
    assert found["changed"] > 20
    assert found["refused"] < found["changed"] / 4
