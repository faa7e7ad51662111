"""The environment of an old release: its packages, its own Python source, its metadata."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .releases import HERE, Release

UV = Path(sys.executable).with_name("uv")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def resolve(release: Release, source: Path) -> None:
    """Chooses a version of every package that the release needs, and pins it."""
    wants = source / "wants.in"
    own = requirements((source / release.requirements).read_text("utf-8"), release.leave_out)
    wants.write_text("\n".join([*own, *release.packages]) + "\n")
    command = ["pip", "compile", str(wants), "--quiet", "--python-version", "3.11", "--no-header"]
    _uv(*command, "--no-annotate", "--no-emit-index-url", "--output-file", str(source / "out.txt"))
    chosen = (source / "out.txt").read_text().splitlines()
    pins = [pin for pin in chosen if _name(pin) not in (*release.stand_ins, *release.never)]
    # By name, as uv sorts them: "a" comes before "a-b", and "a==1" does not.
    ordered = sorted([*pins, *release.without_deps], key=lambda pin: pin.partition("==")[0])
    release.pins.write_text("\n".join(ordered) + "\n")


def install(release: Release, home: Path) -> Path:
    """Makes the environment anew, with what is pinned; its `site-packages`."""
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(home))
    python = str(home / "bin" / "python")
    _uv("pip", "install", "--quiet", "--python", python, "--no-deps", "-r", str(release.pins))
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([python, "-c", where], text=True).strip())


def place(release: Release, source: Path, packages: Path) -> None:
    """Puts the release's Python source in place, as it is, and beside it what it lacks."""
    shutil.copytree(source / "vllm", packages / "vllm")
    # That its version says "cpu" is how the release knows that it runs on the CPU.
    version = f"{release.version}+cpu"
    metadata = packages / f"vllm-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    (metadata / "RECORD").write_text("")
    for name in release.stand_ins:
        shutil.copytree(HERE / "stand_ins" / name, packages / name)


def requirements(text: str, leave_out: Sequence[str]) -> list[str]:
    """A release's own list, less comments, other lists and what it is told to leave out."""
    wanted = (line.split(" #")[0].strip() for line in text.splitlines())
    return [line for line in wanted if _name(line) and _name(line) not in leave_out]


def _name(requirement: str) -> str:
    found = NAME.match(requirement)
    return found.group().lower().replace("_", "-") if found else ""


def _uv(*arguments: str) -> None:
    if subprocess.run([str(UV), *arguments], check=False).returncode:
        raise SystemExit(f"uv {arguments[0]} {arguments[1]} failed; what it says stands above")
