"""Adds a vLLM release to the catalog: fetched, read, written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mmport
from mmport.core.errors import Usage
from mmport.vllm_api import store
from mmport.vllm_api.draw import draw
from mmport.vllm_api.eras import era_of, parse_release
from mmport.vllm_api.fetch import fetch_source


def default_catalog() -> Path:
    """Name the folder of the catalog that mmport itself reads."""
    return Path(mmport.__file__).parent / "vllm_api" / "catalog"


def add_release(version: str, catalog: Path, *, source: Path | None = None) -> str:
    """Draw a release into a catalog; give its version as the catalog has it.

    Args:
        version: the release.
        catalog: the folder of the catalog's files.
        source: a folder that holds the release's package `vllm`; else it is fetched.

    Raises:
        Usage: it is no release, of no known era, or `source` holds none.
        SourceUnavailable: the release cannot be fetched.
    """
    release = parse_release(version)
    if release is None or era_of(release) is None:
        raise Usage(
            f"vLLM {version!r} is of no known era",
            "add its era to mmport/vllm_api/eras.py first, once you know what it changed",
        )
    with tempfile.TemporaryDirectory(prefix="mmport-catalog-") as scratch:
        folder = source or fetch_source(version, Path(scratch))
        drawn = draw(folder, version=version)
    store.add(catalog, drawn.version, drawn.parts)
    return drawn.version
