"""A model source that is a local folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mmport.core.errors import ModelNotFound
from mmport.hub.headers import read_header
from mmport.hub.names import inside
from mmport.hub.source import ModelSource
from mmport.model.tensors import TensorHeader


class LocalSource(ModelSource):
    """A folder as `save_pretrained` writes it; files may be links, as in the hub's cache."""

    kind = "local"

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, revision=None)
        self._folder = folder

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files directly in the folder: a checkpoint is flat."""
        try:
            return tuple(sorted(path.name for path in self._folder.iterdir() if path.is_file()))
        except OSError as error:
            raise ModelNotFound(
                f"{self.name} cannot be read: {error.strerror or error}",
                "mend the folder's permissions",
            ) from error

    @property
    def local_path(self) -> Path:
        """The folder itself."""
        return self._folder

    def materialize(self) -> Path:
        """Give the folder: all is there."""
        return self._folder

    def has(self, name: str) -> bool:
        """Tell whether there is such a file, in the folder or below it."""
        return (self._folder / inside(name, told_by=self.name)).is_file()

    def _path(self, name: str) -> Path:
        if not self.has(name):
            raise ModelNotFound(
                f"{self.name} holds no {name}",
                "name the folder that holds the model's config.json and weights",
            )
        return self._folder / name

    def _headers(self, files: tuple[str, ...]) -> list[Mapping[str, TensorHeader]]:
        return [read_header(self._path(file), file) for file in files]
