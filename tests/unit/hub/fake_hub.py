"""A hub behind `huggingface_hub`'s own HTTP client: its code runs, no network is used."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Serves one folder as the repo `org/model`.

    Attributes:
        folder: the repo's files.
        refuse: path suffix to (status, error code of the hub) for answers that are errors.
        requests: method and path of all that was asked.
        unreachable: no connection is made at all.
    """

    folder: Path
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    unreachable: bool = False
    http: Any = None

    def answer(self, request: Any) -> Any:
        path = request.url.path
        self.requests.append((request.method, path))
        if self.unreachable:
            raise self.http.ConnectError("no route", request=request)
        for suffix, (status, code) in self.refuse.items():
            if path.endswith(suffix):
                headers = {"X-Error-Code": code} if code else {}
                return self.http.Response(status, headers=headers, request=request)
        if path.startswith("/api/models/org/model/tree/"):
            return self._tree(request)
        if path.startswith("/api/models/org/model"):
            return self._info(request)
        if match := re.fullmatch(rf"/org/model/resolve/{COMMIT}/(.+)", path):
            return self._file(request, match[1])
        return self._error(request, "RepoNotFound")

    def downloads(self) -> set[str]:
        """Names of the files whose content was asked for as a whole."""
        return {path.rpartition("/")[2] for method, path in self.requests if method == "HEAD"}

    def _info(self, request: Any) -> Any:
        path = request.url.path
        if "/revision/" in path and path.rpartition("/")[2] not in ("main", COMMIT):
            return self._error(request, "RevisionNotFound")
        siblings = [
            {"rfilename": file.name, "size": file.stat().st_size} for file in self.folder.iterdir()
        ]
        body = {"id": "org/model", "sha": COMMIT, "siblings": siblings, "tags": []}
        return self.http.Response(200, json=body, request=request)

    def _tree(self, request: Any) -> Any:
        entries = [
            {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": file.name}
            for file in self.folder.iterdir()
        ]
        return self.http.Response(200, json=entries, request=request)

    def _file(self, request: Any, name: str) -> Any:
        file = self.folder / name
        if not file.is_file():
            return self._error(request, "EntryNotFound")
        data = file.read_bytes()
        headers = {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = request.headers.get("range")
        status = 200
        if wanted and request.method == "GET":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            data, status = data[int(first) : int(last) + 1 if last else None], 206
        headers["Content-Length"] = str(len(data))
        content = b"" if request.method == "HEAD" else data
        return self.http.Response(status, headers=headers, content=content, request=request)

    def _error(self, request: Any, code: str) -> Any:
        return self.http.Response(404, headers={"X-Error-Code": code}, request=request)


@contextmanager
def serving(folder: Path, cache: Path, *, offline: bool = False) -> Iterator[FakeHub]:
    """Put a fake hub behind huggingface_hub, with a cache of its own."""
    from huggingface_hub import constants, set_client_factory
    from huggingface_hub.utils import _http

    factory = _http.default_client_factory
    client = factory()
    http = importlib.import_module(type(client).__mro__[0].__module__.partition(".")[0])
    client.close()
    hub = FakeHub(folder, http=http)

    def make() -> Any:
        return http.Client(transport=http.MockTransport(hub.answer), follow_redirects=True)

    with (
        patch.object(constants, "HF_HUB_OFFLINE", offline),
        patch.object(constants, "HF_HUB_CACHE", str(cache)),
    ):
        set_client_factory(make)
        try:
            yield hub
        finally:
            set_client_factory(factory)
