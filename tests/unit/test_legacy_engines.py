"""The data by which old engines are built, and the one list of them that there may be."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.legacy.conftest import RELEASES
from tools.legacy_engines.environment import requirements
from tools.legacy_engines.releases import RELEASES as FOLDER
from tools.legacy_engines.releases import read_release


def test_make_builds_the_releases_that_tests_ask_for() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^LEGACY_RELEASES := (.*)$", text, re.MULTILINE)
    assert named
    assert tuple(named[1].split()) == RELEASES
    assert sorted(RELEASES) == sorted(path.stem for path in FOLDER.glob("[0-9]*.toml"))


@pytest.mark.parametrize("version", RELEASES)
def test_all_that_is_installed_is_pinned(version: str) -> None:
    release = read_release(version)
    pins = release.pins.read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9._-]+==[^ /]+", pin) for pin in pins)
    named = {pin.partition("==")[0] for pin in pins}
    exact = {one.replace("_", "-") for one in release.packages if "==" in one}
    assert exact <= set(pins)
    assert set(release.without_deps) <= set(pins)
    stands = {*release.never, *release.stand_ins} - {
        one.partition("==")[0] for one in release.without_deps
    }
    assert not named & stands


def test_a_release_that_is_not_known_is_named_with_those_that_are() -> None:
    with pytest.raises(SystemExit, match=r"No old release 0\.4\.0; there are: 0\.5\.1"):
        read_release("0.4.0")


def test_requirements_are_the_releases_own_less_what_is_left_out() -> None:
    text = (
        "psutil\n# Common\n-r other.txt\nnumpy < 2.0.0\nfastapi >= 0.107 # for X\n\nTorch==2.4.0\n"
    )
    assert requirements(text, ("numpy", "torch")) == ["psutil", "fastapi >= 0.107"]
