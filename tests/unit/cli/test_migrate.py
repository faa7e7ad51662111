"""`mmport migrate` as a user meets it: every kind of file, and what it says of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT, RunMmport
from tests.unit.cli.program import write_model

OLD = b'''"""A model."""

from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal.inputs import MultiModalDataDict


class Finch(nn.Module, SupportsMultiModal):
    def get_num_mm_encoder_tokens(self, num_image_tokens: int) -> int:
        return num_image_tokens  # one each

    def data(self) -> MultiModalDataDict:
        return {}
'''


@pytest.fixture
def finch(tmp_path: Path) -> Path:
    path = tmp_path / "finch.py"
    path.write_bytes(OLD)
    return path


def test_the_change_is_shown_and_nothing_written_by_default(
    run_mmport: RunMmport, finch: Path
) -> None:
    done = run_mmport("migrate", str(finch), "--to", "0.32.0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/finch.py\n+++ b/finch.py\n")
    assert "+from vllm.inputs import MultiModalDataDict\n" in done.stdout
    assert "0.18.1 is the newest release that has all that it asks for" in done.stderr
    assert finch.read_bytes() == OLD


def test_write_then_check_then_nothing_to_do(run_mmport: RunMmport, finch: Path) -> None:
    assert run_mmport("migrate", str(finch), "--to", "0.32", "--check").returncode == 1
    done = run_mmport("migrate", str(finch), "--to", "0.32", "--write")
    assert done.returncode == 0, done.stderr
    written = finch.read_bytes()
    assert b"get_mm_lora_token_counts" in written
    assert b"# one each" in written
    for origin in ((), ("--from", "0.18.1")):
        again = run_mmport("migrate", str(finch), "--to", "0.32", "--write", *origin)
        assert again.returncode == 0
        assert "nothing to do" in again.stderr
        assert finch.read_bytes() == written
    assert run_mmport("migrate", str(finch), "--to", "0.32", "--check").returncode == 0


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_marks_and_line_ends_are_kept(
    run_mmport: RunMmport, finch: Path, mark: bytes, end: bytes
) -> None:
    finch.write_bytes(mark + OLD.replace(b"\n", end))
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--write")
    assert done.returncode == 0, done.stderr
    written = finch.read_bytes()
    assert written.startswith(mark + b'"""A model."""' + end)
    assert written.count(b"\n") == written.count(end)


def test_tabs_are_kept(run_mmport: RunMmport, finch: Path) -> None:
    finch.write_bytes(OLD.replace(b"    ", b"\t"))
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--write")
    assert done.returncode == 0, done.stderr
    written = finch.read_text()
    assert "\n\tdef get_mm_lora_token_counts(\n\t\tself,\n" in written
    compile(written, "finch", "exec")


def test_several_files_go_in_parallel_and_json_tells_of_each(
    run_mmport: RunMmport, finch: Path
) -> None:
    (finch.parent / "plain.py").write_text("print(1)\n")
    (finch.parent / "broken.py").write_text("from vllm import (\n")
    done = run_mmport(
        "migrate", str(finch.parent), "--to", "0.32.0", "--format", "json", "--jobs", "2"
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "mmport.migrate/1"
    broken, changed, plain = document["files"]
    assert broken["findings"][0]["rule"] == "syntax"
    assert changed["origin"] == "0.18.1"
    assert {one["id"] for one in changed["applied"]} == {"moved-imports", "lora-token-counts"}
    assert changed["diff"]
    assert not changed["written"]
    assert plain["origin"] == plain["diff"] == ""


def test_what_is_left_is_told_with_what_to_write(run_mmport: RunMmport, finch: Path) -> None:
    finch.write_text(
        "from vllm.model_executor.models.persimmon import PersimmonForCausalLM\n"
        "print(PersimmonForCausalLM)\n"
    )
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--from", "0.18.1")
    assert done.returncode == 1
    assert "error import-gone" in done.stderr
    assert f"{finch}:1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "0.32.0", "--check", "--write"), "exclude each other"),
        (("--to", "9.9.9"), "is no release that mmport knows"),
        (("--to", "0.18.1", "--from", "0.32.0"), "migrated forwards"),
        ((), "add --to V"),
        (("--to", "0.32.0", "--check", "--verify", "model"), "leave out one"),
        (("--explain", "no-such-change"), "there is no codemod 'no-such-change'"),
    ],
)
def test_a_wrong_command_line_is_refused(
    run_mmport: RunMmport, finch: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run_mmport("migrate", str(finch), *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_path_that_is_not_there_is_refused(run_mmport: RunMmport, tmp_path: Path) -> None:
    done = run_mmport("migrate", str(tmp_path / "none.py"), "--to", "0.32.0")
    assert done.returncode == 2
    assert "there is no" in done.stderr


def test_a_folder_without_python_is_refused(run_mmport: RunMmport, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    done = run_mmport("migrate", str(tmp_path), "--to", "0.32.0")
    assert done.returncode == 2
    assert "no Python file" in done.stderr


def test_what_is_no_python_is_told_with_its_place(run_mmport: RunMmport, finch: Path) -> None:
    finch.write_bytes(b"import vllm\nx = (1 +\n")
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--write")
    assert done.returncode == 1
    assert f"error syntax {finch}:2:5" in done.stderr
    finch.write_bytes(b"import vllm\nname = '\xff'\n")
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--write")
    assert done.returncode == 1
    assert "is not utf-8" in done.stderr
    assert finch.read_bytes() == b"import vllm\nname = '\xff'\n"


def test_a_read_only_file_is_not_written(run_mmport: RunMmport, finch: Path) -> None:
    finch.chmod(0o444)
    done = run_mmport("migrate", str(finch), "--to", "0.32.0", "--from", "0.18.1", "--write")
    assert done.returncode == 3
    assert "is read-only" in done.stderr
    assert finch.read_bytes() == OLD


def test_codemods_are_listed_and_explained(run_mmport: RunMmport) -> None:
    done = run_mmport("migrate", "--codemods", "--format", "json")
    assert done.returncode == 0, done.stderr
    known = {one["id"]: one for one in json.loads(done.stdout)["codemods"]}
    assert known["moved-imports"]["documentation"] == "docs/migrate.md#moved-imports"
    done = run_mmport("migrate", "--explain", "embed-multimodal")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("embed-multimodal\n")
    assert "docs/migrate.md#embed-multimodal" in done.stdout


def test_a_shim_serves_the_releases_in_between_too(run_mmport: RunMmport, finch: Path) -> None:
    span = ("--shim", "--from", "0.18.1", "--to", "0.32.0")
    done = run_mmport("migrate", str(finch), *span, "--write")
    assert done.returncode == 0, done.stderr
    written = finch.read_text()
    assert "except ImportError:  # vLLM before 0.19.0\n" in written
    again = run_mmport("migrate", str(finch), *span, "--check")
    assert again.returncode == 0, again.stderr
    for release in ("0.18.1", "0.24.0", "0.32.0"):
        checked = run_mmport("check", str(finch), "--target-vllm", release)
        assert "import-gone" not in checked.stdout + checked.stderr


def test_what_a_shim_leaves_is_told_with_the_releases(run_mmport: RunMmport, finch: Path) -> None:
    finch.write_text(
        "from vllm.model_executor.models.persimmon import PersimmonForCausalLM\n"
        "print(PersimmonForCausalLM)\n"
    )
    done = run_mmport("migrate", str(finch), "--shim", "--from", "0.18.1", "--to", "0.32.0")
    assert done.returncode == 1
    assert "error import-gone" in done.stderr
    assert "to 0.32.0)" in done.stderr


def test_a_shim_needs_a_first_release(run_mmport: RunMmport, finch: Path) -> None:
    done = run_mmport("migrate", str(finch), "--shim", "--to", "0.32.0")
    assert done.returncode == 2
    assert "name it by --from" in done.stderr


FIRST_API = ROOT / "tests" / "engine" / "first_api" / "finch.py"


def test_a_model_can_be_named_to_take_from_its_port_what_the_files_lack(
    run_mmport: RunMmport, tmp_path: Path
) -> None:
    model, file = write_model(tmp_path / "model"), tmp_path / "finch.py"
    file.write_bytes(FIRST_API.read_bytes())
    span = ("migrate", str(file), "--to", "0.32.0", "--from", "0.6.3.post1", "--write")
    done = run_mmport(*span, "--model", str(model))
    assert done.returncode == 0, done.stderr
    written = file.read_bytes()
    assert b"class LlavaMultiModalProcessor(" in written
    assert b"def get_placeholder_str(" in written
    assert b"INPUT_REGISTRY" not in written
    again = run_mmport(*span, "--model", str(model))
    assert "nothing to do" in again.stderr
    assert file.read_bytes() == written


def test_a_model_that_is_not_there_or_has_no_port_is_told_before_anything_is_written(
    run_mmport: RunMmport, tmp_path: Path
) -> None:
    file = tmp_path / "finch.py"
    file.write_bytes(FIRST_API.read_bytes())
    span = ("migrate", str(file), "--to", "0.32.0", "--from", "0.6.3.post1", "--write")
    done = run_mmport(*span, "--model", str(tmp_path / "none"))
    assert done.returncode == 3
    assert "no hub id" in done.stderr
    text = write_model(tmp_path / "model", architectures=["LlamaForCausalLM"], model_type="llama")
    done = run_mmport(*span, "--model", str(text))
    assert done.returncode == 3
    assert file.read_bytes() == FIRST_API.read_bytes()
