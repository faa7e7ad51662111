"""A model source that is a hub repo at a commit, read through `huggingface_hub`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from glob import escape
from pathlib import Path, PurePosixPath

from mmport.core.errors import HubOffline, MalformedSource, ModelNotFound
from mmport.hub.headers import broken, checked_header, read_header
from mmport.hub.hub_errors import translated
from mmport.hub.names import inside
from mmport.hub.source import MAX_TEXT_BYTES, ModelSource
from mmport.model.tensors import TensorHeader

_TIMEOUT = 10.0
"""Seconds that the hub is given to begin an answer."""

_CONNECTIONS = 8
_TEXT_SUFFIXES = frozenset({".json", ".txt", ".model", ".jinja", ".tiktoken"})
_TEMPLATES = "additional_chat_templates"


def open_repo(repo: str, *, revision: str | None) -> HubSource:
    """Open a repo at the commit that `revision` names now.

    Raises:
        SourceError: there is no such repo or revision, it is gated, or out of reach.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _from_cache(repo, revision)
    return _from_hub(repo, revision)


class HubSource(ModelSource):
    """A hub repo at a commit; small files are fetched when they are asked for.

    Args:
        repo: the hub id.
        revision: the commit.
        sizes: every file of the repo, and its bytes where known.
        offline: nothing but the cache may be used.
    """

    kind = "hub"

    def __init__(
        self, repo: str, revision: str, sizes: Mapping[str, int | None], *, offline: bool
    ) -> None:
        super().__init__(repo, revision)
        self._sizes = dict(sizes)
        self._offline = offline
        self._folder: Path | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The repo's files at the commit; offline, those that the cache holds."""
        return tuple(sorted(self._sizes))

    @property
    def local_path(self) -> Path | None:
        """The snapshot's folder, once `materialize` made it whole."""
        return self._folder

    def materialize(self) -> Path:
        """Download what an engine needs into the hub's cache: no pickles, no code."""
        from huggingface_hub import snapshot_download

        weights = {header.file for header in self.tensor_headers().values()}
        wanted = sorted(name for name in self._sizes if name in weights or _is_text(name))
        with self._speaking():
            folder = snapshot_download(
                self.name,
                revision=self.revision,
                allow_patterns=[escape(name) for name in wanted],
                local_files_only=self._offline,
                etag_timeout=_TIMEOUT,
            )
        self._folder = Path(folder)
        return self._folder

    def _path(self, name: str) -> Path:
        inside(name, told_by=self.name)
        if not self.has(name):
            raise self._missing(name)
        if (self._sizes[name] or 0) > MAX_TEXT_BYTES:
            raise self._broken(name, f"is larger than {MAX_TEXT_BYTES >> 20} MiB")
        from huggingface_hub import hf_hub_download

        with self._speaking(name):
            return Path(
                hf_hub_download(
                    self.name,
                    name,
                    revision=self.revision,
                    local_files_only=self._offline,
                    etag_timeout=_TIMEOUT,
                )
            )

    def _headers(self, files: tuple[str, ...]) -> list[Mapping[str, TensorHeader]]:
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            return list(pool.map(self._header, files))

    def _header(self, file: str) -> Mapping[str, TensorHeader]:
        from huggingface_hub import HfApi, try_to_load_from_cache
        from huggingface_hub.errors import SafetensorsParsingError

        cached = try_to_load_from_cache(self.name, file, revision=self.revision)
        if isinstance(cached, str):
            return read_header(Path(cached), file)
        with self._speaking(file):
            try:
                metadata = HfApi().parse_safetensors_file_metadata(
                    self.name, file, revision=self.revision, timeout=_TIMEOUT
                )
            except (SafetensorsParsingError, KeyError, TypeError, AttributeError) as error:
                raise broken(file, "its header cannot be understood") from error
        return checked_header(metadata, file, self._sizes.get(file))

    def _missing(self, name: str) -> HubOffline | ModelNotFound:
        if self._offline:
            return HubOffline(
                f"the cache holds no {name} of {self.name}, and the hub is not to be asked",
                "unset HF_HUB_OFFLINE and run again, or fetch the model before",
            )
        return ModelNotFound(
            f"{self.name} holds no {name}", "name a repo that holds a model with its config.json"
        )

    def _speaking(self, file: str | None = None) -> AbstractContextManager[None]:
        return translated(self.name, self.revision, file)


def _from_hub(repo: str, revision: str | None) -> HubSource:
    from huggingface_hub import HfApi

    with translated(repo, revision):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    if not info.sha:
        raise MalformedSource(f"the hub names no commit of {repo}", "try again later")
    sizes = {inside(file.rfilename, told_by=repo): file.size for file in info.siblings or ()}
    return HubSource(repo, info.sha, sizes, offline=False)


def _from_cache(repo: str, revision: str | None) -> HubSource:
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(repo, "config.json", revision=revision)
    if not isinstance(cached, str):
        raise HubOffline(
            f"the cache holds no config.json of {repo} at {revision or 'main'}, "
            "and the hub is not to be asked",
            "unset HF_HUB_OFFLINE and run again, or fetch the model before",
        )
    snapshot = Path(cached).parent
    files = (path for path in snapshot.rglob("*") if path.is_file())
    sizes = {path.relative_to(snapshot).as_posix(): path.stat().st_size for path in files}
    return HubSource(repo, snapshot.name, sizes, offline=True)


def _is_text(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in _TEXT_SUFFIXES and path.parent.name in ("", _TEMPLATES)
