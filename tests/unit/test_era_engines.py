"""The tool that makes engines of other eras: what it is told, and what it does to a library."""

from __future__ import annotations

import struct

import pytest

from mmport.vllm_api.catalog import available
from mmport.vllm_api.contracts import contract_of
from tools.era_engines.__main__ import releases
from tools.era_engines.libstdcxx import softer


@pytest.mark.parametrize("release", releases())
def test_an_engine_is_of_a_release_with_a_contract(release: str) -> None:
    contract, wanted = contract_of(release), releases()[release]
    assert release in available()
    assert contract is not None
    assert wanted["transformers"].startswith(f"{contract.transformers}.")
    assert wanted.get("build", release).startswith(release)


def library(version: str) -> bytes:
    """The least of a library that wants a version of another one."""
    header = bytearray(64)
    names = b"\0libstdc++.so.6\0" + version.encode() + b"\0"
    needs = struct.pack("<HHIII", 1, 1, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 2, 16, 0)
    table = 64 + len(names) + len(needs)
    struct.pack_into("<Q", header, 0x28, table)
    struct.pack_into("<HH", header, 0x3A, 64, 2)
    strings = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, 64, len(names), 0, 0, 1, 0)
    place = 64 + len(names)
    wanted = struct.pack("<IIQQQQIIQQ", 0, 0x6FFFFFFE, 0, 0, place, len(needs), 0, 1, 4, 0)
    return bytes(header) + names + needs + strings + wanted


def test_a_demand_for_the_newer_version_is_made_a_weak_one() -> None:
    before = library("GLIBCXX_3.4.32")
    after = softer(before)
    assert after is not None
    changed = [
        place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new
    ]
    assert [after[place] for place in changed] == [2]


def test_a_library_that_wants_no_such_version_is_left_alone() -> None:
    assert softer(library("GLIBCXX_3.4.11")) is None
