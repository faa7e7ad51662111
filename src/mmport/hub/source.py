"""`ModelSource`: a HF repo as files, JSON and tensor headers; its code is never run."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mmport.core.errors import MalformedSource, ModelNotFound
from mmport.hub.headers import merge_shards, shards_of
from mmport.model.spec import Source, SourceFile
from mmport.model.tensors import TensorHeader

MAX_TEXT_BYTES = 64 * 2**20
"""No config or tokenizer comes near this; what does is no text to be read into memory."""

SINGLE_WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"


class ModelSource(ABC):
    """A local folder, or a hub repo at a commit.

    Attributes:
        kind: whether it is a folder or a repo.
        name: as the user named it.
        revision: the commit of a hub repo; None for a folder.
    """

    kind: Literal["hub", "local"]

    def __init__(self, name: str, revision: str | None) -> None:
        self.name = name
        self.revision = revision
        self._read: dict[str, str] = {}

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """The names of the source's files, sorted; `/` between folders."""

    @property
    @abstractmethod
    def local_path(self) -> Path | None:
        """A folder with all files an engine needs; None until `materialize` made one."""

    @abstractmethod
    def materialize(self) -> Path:
        """Make the whole model available as a folder: weights, config, tokenizer.

        No pickled weights and no code are fetched.

        Raises:
            SourceError: the model cannot be had.
        """

    @abstractmethod
    def _path(self, name: str) -> Path:
        """Make one small file available.

        Raises:
            ModelNotFound: the source has no such file.
        """

    @abstractmethod
    def _headers(self, files: tuple[str, ...]) -> list[Mapping[str, TensorHeader]]:
        """Read the headers of safetensors files, in order."""

    def has(self, name: str) -> bool:
        """Tell whether the source has a file of that name."""
        return name in self.files

    def read_text(self, name: str) -> str:
        """Read a small UTF-8 file and remember its hash.

        Raises:
            ModelNotFound: there is no such file.
            MalformedSource: it is too large to be text, or not UTF-8.
        """
        path = self._path(name)
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size <= MAX_TEXT_BYTES else b""
        except OSError as error:
            raise MalformedSource(
                f"{name} of {self.name} cannot be read: {error.strerror or error}",
                "mend the file's permissions or the disk",
            ) from error
        if size > MAX_TEXT_BYTES:
            raise self._broken(name, f"is larger than {MAX_TEXT_BYTES >> 20} MiB")
        self._read[name] = hashlib.sha256(data).hexdigest()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self._broken(name, "is not UTF-8 text") from error

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a small JSON file that holds an object.

        Raises:
            ModelNotFound: there is no such file.
            MalformedSource: it is too large, or not one JSON object.
        """
        text = self.read_text(name)
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise self._broken(name, f"is not JSON: {error.msg} in line {error.lineno}") from error
        except (ValueError, RecursionError) as error:
            raise self._broken(
                name, "is not JSON that can be read: too deep or too long"
            ) from error
        if not isinstance(value, dict):
            raise self._broken(name, "holds no JSON object")
        return value

    def tensor_headers(self) -> dict[str, TensorHeader]:
        """Read every tensor's dtype, shape and file, from safetensors headers alone.

        A single `model.safetensors` comes before an index, as in transformers. Empty if
        the source has neither.

        Raises:
            MalformedSource: a header or the index is broken, or they disagree.
            ModelNotFound: the index names a file that is not there.
        """
        if self.has(SINGLE_WEIGHTS):
            return dict(self._headers((SINGLE_WEIGHTS,))[0])
        if not self.has(WEIGHTS_INDEX):
            return {}
        shards = shards_of(self.read_json(WEIGHTS_INDEX), WEIGHTS_INDEX)
        for file in shards:
            if not self.has(file):
                raise ModelNotFound(
                    f"{WEIGHTS_INDEX} of {self.name} names {file}, which is not there",
                    "fetch the missing shard, or write the checkpoint anew",
                )
        headers = self._headers(tuple(shards))
        return merge_shards(dict(zip(shards, headers, strict=True)), shards, WEIGHTS_INDEX)

    def source(self) -> Source:
        """Say where the model is from, with the hashes of the small files read so far."""
        files = tuple(SourceFile(path, digest) for path, digest in sorted(self._read.items()))
        return Source(kind=self.kind, name=self.name, revision=self.revision, files=files)

    def _broken(self, name: str, why: str) -> MalformedSource:
        return MalformedSource(f"{name} of {self.name} {why}", "fetch the file again, or mend it")
