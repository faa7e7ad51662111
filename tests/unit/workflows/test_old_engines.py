"""What is refused before an old engine is started for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import Usage
from mmport.engines.discover import Engines
from mmport.engines.facts import EngineFacts, Package
from mmport.workflows.old_engines import is_old, refuse_what_old_engines_lack, vllm_version
from mmport.workflows.verify import VerifyOptions


def engines(version: str) -> Engines:
    vllm = Package("vllm", version, "cpu")
    facts = EngineFacts("python", "3.11.7", vllm, None, None, None, None, ())
    return Engines(Path("python"), Path("python"), facts, facts)


@pytest.mark.parametrize(
    ("version", "old"),
    [("0.5.1+cpu", True), ("0.6.3.post1+cpu", True), ("0.8.4", True), ("0.8.5", False)],
)
def test_the_last_old_release(version: str, old: bool) -> None:
    assert is_old(engines(version)) is old
    assert vllm_version(engines(version)) == version.partition("+")[0]


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        ({"gpu": True}, "--gpu"),
        ({"compiled": True}, "--compiled"),
        ({"tp": 2}, "--tp"),
        ({"implementations": ("transformers",)}, "--impl transformers"),
    ],
)
def test_what_old_engines_lack_is_refused(asked: dict[str, Any], option: str) -> None:
    with pytest.raises(Usage, match=option):
        refuse_what_old_engines_lack(VerifyOptions(**asked), engines("0.6.3.post1+cpu"))
    refuse_what_old_engines_lack(VerifyOptions(**asked), engines("0.32.0"))
    refuse_what_old_engines_lack(VerifyOptions(), engines("0.6.3.post1+cpu"))
