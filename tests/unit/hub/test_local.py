from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, ModelNotFound, Usage
from mmport.hub import open_source
from tests.unit.checkpoints import safetensors_bytes, write_json, write_llava, write_safetensors

TRUE_HEADER = {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}


def test_a_folder_is_read_as_it_is(tmp_path: Path) -> None:
    folder = write_llava(tmp_path / "m")
    source = open_source(str(folder), revision=None)
    assert (source.kind, source.name, source.revision) == ("local", str(folder), None)
    assert source.local_path == source.materialize() == folder
    assert source.read_json("config.json")["model_type"] == "llava"
    digest = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    assert [file.sha256 for file in source.source().files] == [digest]


def test_links_are_followed_as_in_a_snapshot_of_the_hub(tmp_path: Path) -> None:
    blobs = write_llava(tmp_path / "blobs")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
    linked = open_source(str(snapshot), revision=None)
    assert linked.tensor_headers() == open_source(str(blobs), revision=None).tensor_headers()


@pytest.mark.parametrize(
    "model",
    ["no/such/folder", "./absent", "../absent", "/absent/folder", "~absent", "a b", "x\0y", ""],
)
def test_what_is_neither_a_folder_nor_a_hub_id(model: str) -> None:
    with pytest.raises(ModelNotFound, match="no folder") as caught:
        open_source(model, revision=None)
    assert "org/name" in caught.value.hint


def test_a_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("{}")
    with pytest.raises(ModelNotFound):
        open_source(str(file), revision=None)


def test_a_folder_has_no_revisions(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="has no revisions"):
        open_source(str(tmp_path), revision="main")


def test_a_missing_file_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"holds no config\.json"):
        open_source(str(tmp_path), revision=None).read_json("config.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[]", "no JSON object"),
        ("[" * 10**5, "is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "is not JSON"),
        ("\ufeff{}", "is not JSON"),
    ],
)
def test_broken_json(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(MalformedSource, match=said) as caught:
        open_source(str(tmp_path), revision=None).read_json("config.json")
    assert "config.json" in caught.value.what


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(MalformedSource, match="UTF-8"):
        open_source(str(tmp_path), revision=None).read_json("config.json")


def test_a_file_too_large_to_be_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmport.hub.source.MAX_TEXT_BYTES", 10)
    (tmp_path / "config.json").write_text("{}" + " " * 10)
    with pytest.raises(MalformedSource, match="is larger than"):
        open_source(str(tmp_path), revision=None).read_json("config.json")


@pytest.mark.parametrize(
    "name", ["../config.json", "/etc/passwd", "a/../../b", "a\\b", "C:x", "", ".", "a//b", "a\nb"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MalformedSource, match="outside the model's folder"):
        open_source(str(tmp_path), revision=None).read_text(name)


def test_one_file_and_shards_tell_the_same(tmp_path: Path) -> None:
    whole = open_source(str(write_llava(tmp_path / "whole")), revision=None).tensor_headers()
    parts = open_source(
        str(write_llava(tmp_path / "parts", shards=3)), revision=None
    ).tensor_headers()
    assert {name: (h.dtype, h.shape) for name, h in whole.items()} == {
        name: (h.dtype, h.shape) for name, h in parts.items()
    }
    assert len({header.file for header in parts.values()}) == 3


def test_no_weights_are_no_headers(tmp_path: Path) -> None:
    folder = write_llava(tmp_path / "m", weights=False)
    assert open_source(str(folder), revision=None).tensor_headers() == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1",
        safetensors_bytes(b"{junk", 16),
        safetensors_bytes(TRUE_HEADER, 8),
        safetensors_bytes(TRUE_HEADER, 32),
        safetensors_bytes({"a": {**TRUE_HEADER["a"], "shape": [5]}}, 16),
        safetensors_bytes({"a": {**TRUE_HEADER["a"], "shape": [-4]}}, 16),
        safetensors_bytes({"a": {**TRUE_HEADER["a"], "dtype": "Q9"}}, 16),
        b"\xff" * 64,
    ],
)
def test_a_truncated_or_lying_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(MalformedSource, match=r"model\.safetensors is damaged") as caught:
        open_source(str(tmp_path), revision=None).tensor_headers()
    assert "fetch the file again" in caught.value.hint


@given(cut=st.integers(min_value=0, max_value=4000))
def test_every_cut_of_a_true_file_is_found_out(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    file = folder / "model.safetensors"
    write_safetensors(file, {"a.0.b": (16, 8), "a.1.b": (16, 8), "c": (7,)})
    data = file.read_bytes()
    file.write_bytes(data[: min(cut, len(data) - 1)])
    with pytest.raises(MalformedSource, match="damaged"):
        open_source(str(folder), revision=None).tensor_headers()


def _index(folder: Path, weight_map: object) -> None:
    write_json(folder / "model.safetensors.index.json", {"weight_map": weight_map})


@pytest.mark.parametrize(
    ("weight_map", "said"),
    [
        (None, "no weight_map"),
        ({}, "no weight_map"),
        ([], "no weight_map"),
        ({"a": 5}, "no safetensors file"),
        ({"a": "model.bin"}, "no safetensors file"),
        ({"a": "../../x.safetensors"}, "outside the model's folder"),
        ({"a": "/x.safetensors"}, "outside the model's folder"),
        ({"b": "s.safetensors"}, "is not in it"),
        ({"a": "s.safetensors", "b": "t.safetensors"}, "also in another shard"),
    ],
)
def test_a_broken_index(tmp_path: Path, weight_map: object, said: str) -> None:
    write_safetensors(tmp_path / "s.safetensors", {"a": (2,)})
    write_safetensors(tmp_path / "t.safetensors", {"a": (2,), "b": (2,)})
    _index(tmp_path, weight_map)
    with pytest.raises(MalformedSource, match=said):
        open_source(str(tmp_path), revision=None).tensor_headers()


def test_a_missing_shard(tmp_path: Path) -> None:
    _index(tmp_path, {"a": "gone.safetensors"})
    with pytest.raises(ModelNotFound, match=r"gone\.safetensors, which is not there"):
        open_source(str(tmp_path), revision=None).tensor_headers()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_index_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    folder = tmp_path_factory.mktemp("index")
    text = json.dumps({"weight_map": value})
    (folder / "model.safetensors.index.json").write_text(text)
    with pytest.raises((MalformedSource, ModelNotFound)):
        open_source(str(folder), revision=None).tensor_headers()
