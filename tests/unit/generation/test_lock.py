from __future__ import annotations

import dataclasses
import tomllib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, PortUnreadable
from mmport.core.files import sha256_file, sha256_text
from mmport.generation.lock import (
    lock_text,
    new_lock,
    parse_lock,
    proven_hashes,
    proven_paths,
    read_lock,
    record_evidence,
)
from mmport.generation.update import apply_update, plan_update
from mmport.model.evidence import FileHash
from mmport.model.lock import LOCK_NAME, AcceptedEdit, EvidenceDigest, Lock
from mmport.model.plan import Layout
from tests.golden.cases import load_spec, plan_of, port_of
from tests.unit.generation.ports import evidence_of, write_port


@cache
def lock_of(name: str = "clip_llama", layout: Layout = "plugin") -> Lock:
    spec = load_spec(name)
    return new_lock(plan_of(spec, layout), spec, port_of(spec, layout))


@pytest.mark.parametrize("name", ["clip_llama", "siglip_qwen2", "odd_placeholder"])
def test_a_lock_survives_being_written_and_read(name: str) -> None:
    lock = lock_of(name)
    text = lock_text(lock)
    assert parse_lock(text) == lock
    assert lock_text(parse_lock(text)) == text
    assert tomllib.loads(text)["schema"] == "mmport.lock/1"


def test_a_spec_without_weights_survives() -> None:
    spec = load_spec(checkpoint=None)
    lock = new_lock(plan_of(spec), spec, {})
    assert parse_lock(lock_text(lock)) == lock


@settings(deadline=None)
@given(
    pristine=st.text(st.characters(exclude_categories=["Cs"])) | st.just('a\r\n"""\\\n\x7f'),
    name=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_text_survives(pristine: str, name: str) -> None:
    lock = lock_of()
    lock = dataclasses.replace(
        lock,
        spec=dataclasses.replace(
            lock.spec, source=dataclasses.replace(lock.spec.source, name=name)
        ),
        accepted=(AcceptedEdit("README.md", "0" * 64, pristine),),
    )
    assert parse_lock(lock_text(lock)) == lock


def test_a_string_that_is_no_unicode_is_refused() -> None:
    spec = load_spec()
    source = dataclasses.replace(spec.source, name="\ud800")
    lock = dataclasses.replace(lock_of(), spec=dataclasses.replace(spec, source=source))
    with pytest.raises(MalformedSource, match="not valid Unicode"):
        lock_text(lock)


def test_the_lock_has_a_hash_of_every_file() -> None:
    files = port_of(load_spec())
    assert {item.path: item.sha256 for item in lock_of().files} == {
        path: sha256_text(text) for path, text in files.items()
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('schema = "mmport.lock/1"', 'schema = "mmport.lock/2"'),
        ('schema = "mmport.lock/1"', ""),
        ('schema = "mmport.lock/1"', "schema = "),
        ('schema = "mmport.lock/1"', 'schema = "mmport.lock/1"\nmore = 1'),
        ('verdict = "in-tree"', 'verdict = "perhaps"'),
        ("num_layers = 3", 'num_layers = "3"'),
        ("num_layers = 3", ""),
        ('path = "README.md"', 'path = "../README.md"'),
        ('path = "README.md"', 'path = "/README.md"'),
        ('path = "README.md"', 'path = "C:/README.md"'),
        ('path = "README.md"', 'path = ""'),
        ('path = "README.md"', 'path = "a/../../README.md"'),
        ('package = "llava_vllm"', "package = 'a\"b'"),
        ('module = "llava"', 'module = "../llava"'),
        ('distribution = "llava-vllm"', 'distribution = "llava vllm\\n[x]"'),
        ('class_prefix = "Llava"', 'class_prefix = "L:"'),
        ('role = "connector"', 'role = "encoder"'),
        ('vllm_path = "vision_tower"', 'vllm_path = "vision tower"'),
        ('vllm_class = "CLIPVisionModel"', 'vllm_class = "CLIP()"'),
        ('vllm_class = "CLIPVisionModel"', 'vllm_class = ""'),
        ('vllm_module = "vllm.model_executor.models.clip"', 'vllm_module = "os; x"'),
        ("^lm_head", "^(lm_head"),
    ],
)
def test_a_damaged_lock_is_refused_and_says_why(tmp_path: Path, old: str, new: str) -> None:
    text = lock_text(lock_of())
    assert old in text
    (tmp_path / LOCK_NAME).write_text(text.replace(old, new, 1))
    with pytest.raises(PortUnreadable, match=r"mmport.lock is damaged: .") as caught:
        read_lock(tmp_path)
    assert "version control" in caught.value.hint


def test_a_lock_without_components_is_refused() -> None:
    lock = dataclasses.replace(lock_of(), plan=dataclasses.replace(lock_of().plan, components=()))
    with pytest.raises(PortUnreadable, match=r"components are \[\], not one each of"):
        parse_lock(lock_text(lock))


def test_bytes_that_are_no_text_are_a_damaged_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(PortUnreadable, match="damaged"):
        read_lock(tmp_path)


def test_a_folder_without_a_lock_is_no_port(tmp_path: Path) -> None:
    with pytest.raises(PortUnreadable, match="is not a port"):
        read_lock(tmp_path)
    with pytest.raises(PortUnreadable, match="is not a port"):
        read_lock(tmp_path / "absent")


def test_evidence_is_about_what_vllm_runs(tmp_path: Path) -> None:
    generated = ("llava_vllm/__init__.py", "llava_vllm/llava.py")
    assert proven_paths(tmp_path, lock_of()) == generated
    for path in ("llava_vllm/extra.py", "llava_vllm/deep/er.py", "tests/test_mine.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    own = ("llava_vllm/deep/er.py", "llava_vllm/extra.py")
    assert proven_paths(tmp_path, lock_of()) == tuple(sorted((*generated, *own)))
    (tmp_path / "mine.py").write_text("x = 1\n")
    assert proven_paths(tmp_path, lock_of(layout="file")) == ("llava.py",)


def test_modules_of_the_users_own_are_hashed_for_the_proof(tmp_path: Path) -> None:
    write_port(tmp_path)
    extra = tmp_path / "llava_vllm" / "extra.py"
    extra.write_text("x = 1\n")
    assert FileHash("llava_vllm/extra.py", sha256_file(extra)) in proven_hashes(tmp_path)


def test_proven_hashes_are_those_on_disk(tmp_path: Path) -> None:
    write_port(tmp_path)
    module = tmp_path / "llava_vllm" / "llava.py"
    module.write_text(module.read_text() + "# mine\n")
    assert FileHash("llava_vllm/llava.py", sha256_file(module)) in proven_hashes(tmp_path)
    module.unlink()
    with pytest.raises(PortUnreadable, match=r"llava.py is missing"):
        proven_hashes(tmp_path)


def test_evidence_is_recorded_once_an_implementation(tmp_path: Path) -> None:
    write_port(tmp_path)
    evidence = evidence_of(tmp_path)
    path = record_evidence(tmp_path, evidence)
    assert path == tmp_path / "evidence" / "port.json"
    in_tree = dataclasses.replace(evidence, implementation="in-tree")
    record_evidence(tmp_path, in_tree)
    record_evidence(tmp_path, evidence)
    assert read_lock(tmp_path).evidence == (
        EvidenceDigest("evidence/in-tree.json", sha256_file(path.with_name("in-tree.json"))),
        EvidenceDigest("evidence/port.json", sha256_file(path)),
    )
    before = (tmp_path / LOCK_NAME).read_bytes()
    record_evidence(tmp_path, evidence)
    assert (tmp_path / LOCK_NAME).read_bytes() == before


def test_scaffolding_again_keeps_the_evidence(tmp_path: Path) -> None:
    write_port(tmp_path)
    record_evidence(tmp_path, evidence_of(tmp_path))
    spec = load_spec()
    update = plan_update(tmp_path, plan_of(spec), spec)
    assert update.pending == ()
    apply_update(update)
    assert len(read_lock(tmp_path).evidence) == 1
