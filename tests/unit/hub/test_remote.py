from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmport.core.errors import GatedModel, HubOffline, MalformedSource, MmportError, ModelNotFound
from mmport.hub import open_source
from mmport.hub.source import MAX_TEXT_BYTES
from tests.unit.checkpoints import safetensors_bytes, write_llava
from tests.unit.hub.fake_hub import COMMIT, FakeHub, serving


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = write_llava(tmp_path / "repo")
    with serving(folder, tmp_path / "cache") as fake:
        yield fake


def test_a_revision_is_pinned_to_its_commit(hub: FakeHub) -> None:
    source = open_source("org/model", revision="main")
    assert (source.kind, source.name, source.revision) == ("hub", "org/model", COMMIT)
    assert "config.json" in source.files


def test_json_is_fetched_at_the_commit_and_its_hash_remembered(hub: FakeHub) -> None:
    source = open_source("org/model", revision=None)
    assert source.read_json("config.json")["model_type"] == "llava"
    assert ("GET", f"/org/model/resolve/{COMMIT}/config.json") in hub.requests
    digest = hashlib.sha256((hub.folder / "config.json").read_bytes()).hexdigest()
    assert [(file.path, file.sha256) for file in source.source().files] == [("config.json", digest)]


@pytest.mark.parametrize("shards", [1, 3])
def test_headers_come_by_range_and_no_weights_are_downloaded(tmp_path: Path, shards: int) -> None:
    folder = write_llava(tmp_path / "repo", shards=shards)
    with serving(folder, tmp_path / "cache") as hub:
        headers = open_source("org/model", revision=None).tensor_headers()
        assert headers == open_source(str(folder), revision=None).tensor_headers()
        assert not any(name.endswith(".safetensors") for name in hub.downloads())
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_materialize_takes_weights_and_texts_and_no_pickles_or_code(hub: FakeHub) -> None:
    for name in ("pytorch_model.bin", "modeling_llava.py", "consolidated.safetensors"):
        (hub.folder / name).write_bytes(b"x")
    source = open_source("org/model", revision=None)
    assert source.local_path is None
    folder = source.materialize()
    assert source.local_path == folder
    got = {path.name for path in folder.iterdir()}
    assert got >= {"config.json", "model.safetensors", "tokenizer.json", "processor_config.json"}
    assert not got & {"pytorch_model.bin", "modeling_llava.py", "consolidated.safetensors"}


def test_offline_is_served_from_the_cache_alone(hub: FakeHub, tmp_path: Path) -> None:
    online = open_source("org/model", revision="main")
    online.materialize()
    # A fetch by commit leaves no ref behind; a user's own fetch of a branch does.
    refs = tmp_path / "cache" / "models--org--model" / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "main").write_text(COMMIT)
    with serving(hub.folder, tmp_path / "cache", offline=True) as silent:
        silent.unreachable = True
        source = open_source("org/model", revision=None)
        assert source.revision == COMMIT
        assert source.read_json("config.json")["model_type"] == "llava"
        assert source.tensor_headers() == online.tensor_headers()
        assert source.materialize().is_dir()
        with pytest.raises(HubOffline, match=r"holds no notes\.txt"):
            source.read_text("notes.txt")
        assert silent.requests == []


def test_offline_without_a_cache_says_so(hub: FakeHub, tmp_path: Path) -> None:
    with serving(hub.folder, tmp_path / "empty", offline=True) as silent:
        with pytest.raises(HubOffline, match=r"holds no config\.json of org/model") as caught:
            open_source("org/model", revision=None)
        assert "HF_HUB_OFFLINE" in caught.value.hint
        assert silent.requests == []


@pytest.mark.parametrize(
    ("suffix", "status", "code", "error", "said"),
    [
        ("org/model", 403, "GatedRepo", GatedModel, "is gated"),
        ("org/model", 401, "RepoNotFound", ModelNotFound, "knows no such model"),
        ("org/model", 404, "RepoNotFound", ModelNotFound, "knows no such model"),
        ("org/model", 403, "", GatedModel, "refuses"),
        ("org/model", 503, "", HubOffline, "503"),
        ("config.json", 403, "GatedRepo", GatedModel, "is gated"),
        ("config.json", 404, "EntryNotFound", ModelNotFound, r"config\.json of org/model"),
    ],
)
def test_what_the_hub_refuses_is_said_clearly(
    hub: FakeHub, suffix: str, status: int, code: str, error: type[MmportError], said: str
) -> None:
    hub.refuse[suffix] = (status, code)
    with pytest.raises(error, match=said) as caught:
        open_source("org/model", revision=None).read_json("config.json")
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_an_unknown_revision_is_named(hub: FakeHub) -> None:
    with pytest.raises(ModelNotFound, match="no revision 'v9'"):
        open_source("org/model", revision="v9")


def test_an_unreachable_hub_is_said_at_once(hub: FakeHub) -> None:
    hub.unreachable = True
    with pytest.raises(HubOffline, match="cannot be reached") as caught:
        open_source("org/model", revision=None)
    assert len(hub.requests) == 1
    assert "HF_HUB_OFFLINE=1" in caught.value.hint


def test_a_page_of_html_is_not_the_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def login_page(request: object) -> object:
        return hub.http.Response(200, text="<html>log in</html>", request=request)

    monkeypatch.setattr(hub, "_info", login_page)
    with pytest.raises(HubOffline, match="is not the hub"):
        open_source("org/model", revision=None)


def test_a_missing_file_is_not_asked_for(hub: FakeHub) -> None:
    source = open_source("org/model", revision=None)
    hub.requests.clear()
    with pytest.raises(ModelNotFound, match=r"holds no absent\.json"):
        source.read_json("absent.json")
    assert hub.requests == []


def test_a_file_that_is_too_large_is_not_fetched(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmport.hub.remote.MAX_TEXT_BYTES", 10)
    source = open_source("org/model", revision=None)
    hub.requests.clear()
    with pytest.raises(MalformedSource, match="is larger than"):
        source.read_json("config.json")
    assert hub.requests == []
    assert MAX_TEXT_BYTES > 2**20


LYING = {
    "shape": {"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}},
    "negative": {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
    "gap": {"a": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}},
    "end": {"a": {"dtype": "F32", "shape": [4000], "data_offsets": [0, 16000]}},
    "kind": {"a": {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 16]}},
    "missing": {"a": {"dtype": "F32"}},
    "list": {"a": 5},
    "surrogate": {"\ud800": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}},
}


@pytest.mark.parametrize("lie", sorted(LYING))
def test_a_lying_header_is_found_out(hub: FakeHub, lie: str) -> None:
    (hub.folder / "model.safetensors").write_bytes(safetensors_bytes(LYING[lie], 16))
    with pytest.raises(MalformedSource, match=r"model\.safetensors is damaged"):
        open_source("org/model", revision=None).tensor_headers()


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, safetensors_bytes(b"{junk", 0)])
def test_what_is_no_safetensors_is_found_out(hub: FakeHub, content: bytes) -> None:
    (hub.folder / "model.safetensors").write_bytes(content)
    with pytest.raises(MalformedSource, match=r"model\.safetensors is damaged"):
        open_source("org/model", revision=None).tensor_headers()
