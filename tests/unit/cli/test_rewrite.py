"""`mmport rewrite` as a user meets it: every kind of file, and what it says of each."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from mmport.core.jsonable import to_json
from tests.conftest import RunMmport
from tests.golden.cases import SPECS, load_spec

FINCH = (Path(__file__).parents[2] / "golden" / "text_models" / "finch.py").read_bytes()
SPEC = str(SPECS / "clip_llama.json")


@pytest.fixture
def finch(tmp_path: Path) -> Path:
    path = tmp_path / "finch.py"
    path.write_bytes(FINCH)
    return path


def test_the_change_is_shown_and_nothing_written_by_default(
    run_mmport: RunMmport, finch: Path
) -> None:
    done = run_mmport("rewrite", str(finch), "--spec", SPEC)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/finch.py\n+++ b/finch.py\n")
    assert "+    SupportsMultiModal,\n" in done.stdout
    assert finch.read_bytes() == FINCH


def test_write_then_check_then_nothing_to_do(run_mmport: RunMmport, finch: Path) -> None:
    assert run_mmport("rewrite", str(finch), "--spec", SPEC, "--check").returncode == 1
    done = run_mmport("rewrite", str(finch), "--spec", SPEC, "--write")
    assert done.returncode == 0, done.stderr
    assert "mmport verify" in done.stdout
    written = finch.read_bytes()
    assert b"SupportsMultiModal" in written
    again = run_mmport("rewrite", str(finch), "--spec", SPEC, "--write")
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert finch.read_bytes() == written
    assert run_mmport("rewrite", str(finch), "--spec", SPEC, "--check").returncode == 0


def test_json_tells_each_step(run_mmport: RunMmport, finch: Path, tmp_path: Path) -> None:
    saved = tmp_path / "inspect.json"
    saved.write_text(
        json.dumps({"schema": "mmport.inspect/1", "spec": json.loads(to_json(load_spec()))})
    )
    done = run_mmport("rewrite", str(finch), "--spec", str(saved), "--check", "--format", "json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["schema"] == "mmport.rewrite/1"
    assert result["class_name"] == "FinchForCausalLM"
    assert result["written"] is False
    assert {step["outcome"] for step in result["steps"]} == {"changed"}
    assert [step["step"] for step in result["steps"]][:2] == ["absolute-imports", "interface"]


VARIANTS = {
    "windows line ends": FINCH.replace(b"\n", b"\r\n"),
    "tabs": b"".join(
        line.replace(b"    ", b"\t") if line.startswith(b"    ") else line
        for line in FINCH.splitlines(keepends=True)
    ),
    "a byte order mark": b"\xef\xbb\xbf" + FINCH,
    "no newline at the end": FINCH.rstrip(b"\n"),
    "a decorator between": FINCH.replace(b"class FinchForC", b"@sings\nclass FinchForC"),
    "a form feed": FINCH.replace(b"class FinchModel", b"\x0cclass FinchModel"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_files_of_every_kind_stay_as_they_are_laid_out(
    run_mmport: RunMmport, tmp_path: Path, name: str
) -> None:
    path, before = tmp_path / "finch.py", VARIANTS[name]
    path.write_bytes(before)
    done = run_mmport("rewrite", str(path), "--spec", SPEC, "--write")
    assert done.returncode == 0, done.stderr
    after = path.read_bytes()
    compile(after.decode("utf-8-sig"), "after", "exec")
    assert after.startswith(b"\xef\xbb\xbf") == before.startswith(b"\xef\xbb\xbf")
    assert (b"\r" in after) == (b"\r" in before)
    if b"\r" in before:
        assert after.count(b"\n") == after.count(b"\r\n")
    for comment in (b"# The only model here", b"# Most of the bird.", b"# in place of ids"):
        assert after.count(comment) == 1
    again = run_mmport("rewrite", str(path), "--spec", SPEC, "--write")
    assert again.returncode == 0, again.stderr
    assert path.read_bytes() == after


def refused(run: RunMmport, path: Path, code: int, *options: str) -> str:
    before = path.read_bytes() if path.is_file() else b""
    done = run("rewrite", str(path), "--spec", SPEC, "--write", *options)
    assert done.returncode == code, done.stderr
    assert not path.is_file() or path.read_bytes() == before
    assert "what to do" in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"class Finch(:\n    pass\n", 3, "finch.py:1:13"),
        (b"def f():\n\treturn 1\n        return 2\n", 3, "finch.py:3"),
        (b"x = '\xff'\n", 3, "not UTF-8"),
        (b"x = 1\n", 2, "no model class"),
        (b"", 2, "no model class"),
        (b"class AForCausalLM: ...\nclass BForCausalLM: ...\n", 2, "AForCausalLM, BForCausalLM"),
        (b"class AForCausalLM:\n    def __init__(self, config): ...\n", 3, "no vllm_config"),
        (
            b"class AForCausalLM:\n    def __init__(self, *, vllm_config, prefix=''): ...\n"
            b"    def forward(self, input_ids, *args): ...\n",
            3,
            "no inputs_embeds",
        ),
    ],
)
def test_what_cannot_be_rewritten_is_left_alone_and_named(
    run_mmport: RunMmport, tmp_path: Path, content: bytes, code: int, words: str
) -> None:
    path = tmp_path / "finch.py"
    path.write_bytes(content)
    assert words in refused(run_mmport, path, code)


def test_wrong_words_on_the_command_line(
    run_mmport: RunMmport, finch: Path, tmp_path: Path
) -> None:
    assert "cannot be read" in refused(run_mmport, tmp_path / "missing.py", 3)
    assert "no class Robin" in refused(run_mmport, finch, 2, "--class", "Robin")
    assert "has no mappers" in refused(run_mmport, finch, 2, "--mapper", "tweet")
    no_model = run_mmport("rewrite", str(finch))
    assert no_model.returncode == 2
    assert "--model" in no_model.stderr
    both = run_mmport("rewrite", str(finch), "--spec", SPEC, "--write", "--check")
    assert both.returncode == 2
    saved = tmp_path / "spec.json"
    saved.write_text('{"schema": "mmport.spec/1", "source": 3}')
    damaged = run_mmport("rewrite", str(finch), "--spec", str(saved))
    assert damaged.returncode == 3
    assert "damaged spec" in damaged.stderr


def test_a_class_that_is_multimodal_already_has_nothing_to_gain(
    run_mmport: RunMmport, tmp_path: Path
) -> None:
    port = Path(__file__).parents[2] / "golden/ports/clip_llama/llava_vllm/llava.py"
    path = tmp_path / "llava.py"
    path.write_bytes(port.read_bytes())
    done = run_mmport("rewrite", str(path), "--spec", SPEC, "--write")
    assert done.returncode == 0, done.stderr
    assert "multimodal already" in done.stdout
    assert path.read_bytes() == port.read_bytes()


def test_half_of_it_is_completed(run_mmport: RunMmport, tmp_path: Path) -> None:
    whole = Path(__file__).parents[2] / "golden/rewritten/finch/finch.py"
    text = whole.read_text(encoding="utf-8")
    at, end = (
        text.index("    def embed_multimodal"),
        text.index("    def forward", text.index("    def embed_multimodal")),
    )
    path = tmp_path / "finch.py"
    path.write_text(text[:at] + text[end:], encoding="utf-8")
    done = run_mmport("rewrite", str(path), "--spec", SPEC, "--write")
    assert done.returncode == 0, done.stderr
    assert path.read_text(encoding="utf-8").count("def embed_multimodal") == 1


def test_a_wrapped_encoder_is_refused_by_name(run_mmport: RunMmport, finch: Path) -> None:
    done = run_mmport("rewrite", str(finch), "--spec", str(SPECS / "qwen2_vl.json"))
    assert done.returncode == 3
    assert "scaffold" in done.stderr


FIRST = ("--target-vllm", "0.6.3.post1")
PIECES = {
    "a decorator": "@MULTIMODAL_REGISTRY.register_max_image_tokens(get_max_llava_image_tokens)\n",
    "a keyword": (
        "        pixel_values: Optional[Union[torch.Tensor, List[torch.Tensor]]] = None,\n"
    ),
    "an interface": ", SupportsMultiModal",
}


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_that_is_lost_comes_back(
    run_mmport: RunMmport, tmp_path: Path, piece: str
) -> None:
    whole = Path(__file__).parents[2] / "golden/rewritten/finch_first/finch_first.py"
    text = whole.read_text(encoding="utf-8")
    assert PIECES[piece] in text
    path = tmp_path / "finch.py"
    path.write_text(text.replace(PIECES[piece], "", 1), encoding="utf-8")
    done = run_mmport("rewrite", str(path), "--spec", SPEC, "--write", *FIRST)
    assert done.returncode == 0, done.stderr
    after = path.read_text(encoding="utf-8")
    assert sorted(after.split()) == sorted(text.split())


@pytest.mark.parametrize("name", ["flatten_images", "rename_weights", "_process_image_input"])
def test_each_function_that_is_lost_comes_back(
    run_mmport: RunMmport, tmp_path: Path, name: str
) -> None:
    whole = Path(__file__).parents[2] / "golden/rewritten/finch_first/finch_first.py"
    text = whole.read_text(encoding="utf-8")
    path = tmp_path / "finch.py"
    path.write_text(_without(text, name), encoding="utf-8")
    assert f"def {name}" not in path.read_text(encoding="utf-8")
    done = run_mmport("rewrite", str(path), "--spec", SPEC, "--write", *FIRST)
    assert done.returncode == 0, done.stderr
    assert path.read_text(encoding="utf-8").count(f"def {name}") == 1


def _without(text: str, name: str) -> str:
    """Take a function or method out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            lines = text.splitlines(keepends=True)
            return "".join([*lines[: node.lineno - 1], *lines[node.end_lineno :]])
    raise ValueError(name)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("        self.vlm_config = vlm_config\n", "no self.vlm_config"),
        ("_load_image_weights", "calls _load_image_weights"),
    ],
)
def test_what_cannot_come_back_is_named(
    run_mmport: RunMmport, tmp_path: Path, lost: str, words: str
) -> None:
    whole = Path(__file__).parents[2] / "golden/rewritten/finch_first/finch_first.py"
    text = whole.read_text(encoding="utf-8")
    path = tmp_path / "finch.py"
    path.write_text(
        text.replace(lost, "", 1) if lost in text and " = " in lost else _without(text, lost),
        encoding="utf-8",
    )
    assert words in refused(run_mmport, path, 3, *FIRST)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("def flatten_images(x):\n    return x\n\n\n", "flatten_images of its own"),
        ("        vlm_config = 3\n", "vlm_config of its own"),
    ],
)
def test_names_that_are_taken_are_refused(
    run_mmport: RunMmport, tmp_path: Path, added: str, words: str
) -> None:
    first = Path(__file__).parents[2] / "golden/text_models/finch_first.py"
    text = first.read_text(encoding="utf-8")
    at = text.index("        self.config = config") if "vlm" in added else text.index("class Finch")
    path = tmp_path / "finch.py"
    path.write_text(text[:at] + added + text[at:], encoding="utf-8")
    assert words in refused(run_mmport, path, 3, *FIRST)


def test_a_mapper_has_to_be_a_function_above_the_class(
    run_mmport: RunMmport, tmp_path: Path
) -> None:
    first = Path(__file__).parents[2] / "golden/text_models/finch_first.py"
    text = first.read_text(encoding="utf-8")
    path = tmp_path / "finch.py"
    path.write_text(text + "\n\ndef map_songs(ctx, data):\n    return data\n", encoding="utf-8")
    assert "above FinchForCausalLM" in refused(run_mmport, path, 2, "--mapper", "map_songs", *FIRST)
    at = text.index("class Finch")
    above = "def map_songs(ctx, data):\n    return data\n\n\n"
    path.write_text(text[:at] + above + text[at:], encoding="utf-8")
    done = run_mmport(
        "rewrite", str(path), "--spec", SPEC, "--write", "--mapper", "map_songs", *FIRST
    )
    assert done.returncode == 0, done.stderr
    after = path.read_text(encoding="utf-8")
    assert "@MULTIMODAL_REGISTRY.register_image_input_mapper(map_songs)" in after


def test_a_mapper_takes_the_place_of_one_that_is_registered_already(
    run_mmport: RunMmport, tmp_path: Path
) -> None:
    first = Path(__file__).parents[2] / "golden/text_models/finch_first.py"
    text = first.read_text(encoding="utf-8")
    at = text.index("class Finch")
    path = tmp_path / "finch.py"
    mapper = "def map_songs(ctx, data):\n    return data\n\n\n"
    path.write_text(text[:at] + mapper + text[at:], encoding="utf-8")
    rewrite = ("rewrite", str(path), "--spec", SPEC, "--write", *FIRST)
    assert run_mmport(*rewrite).returncode == 0
    plain = path.read_text(encoding="utf-8")
    assert "@MULTIMODAL_REGISTRY.register_image_input_mapper()" in plain
    for _ in range(2):
        assert run_mmport(*rewrite, "--mapper", "map_songs").returncode == 0
        after = path.read_text(encoding="utf-8")
        assert after == plain.replace("image_input_mapper()", "image_input_mapper(map_songs)")


def test_a_class_that_is_no_model_is_refused(run_mmport: RunMmport, tmp_path: Path) -> None:
    path = tmp_path / "finch.py"
    path.write_text("class Outer:\n    class Finch:\n        pass\n", encoding="utf-8")
    assert "is no model" in refused(run_mmport, path, 2, "--class", "Outer")
    assert "top level" in refused(run_mmport, path, 2, "--class", "Finch")
