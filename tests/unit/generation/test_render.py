from __future__ import annotations

import ast
import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, MmportError, NotPortable, UnknownTarget
from mmport.generation.render import render_port
from mmport.generation.style import format_python, lint_python
from mmport.model.spec import VlmSpec
from tests.golden.cases import load_spec, plan_of, port_of

INJECTION = '"""); import os; os.system("x")#'


def hostile(token: str, source: str, revision: str | None) -> VlmSpec:
    spec = load_spec()
    return dataclasses.replace(
        spec,
        placeholders=(dataclasses.replace(spec.placeholders[0], token=token),),
        source=dataclasses.replace(spec.source, name=source, revision=revision),
    )


def test_a_plugin_is_all_that_a_user_needs() -> None:
    assert list(port_of(load_spec())) == [
        "README.md",
        "llava_vllm/__init__.py",
        "llava_vllm/llava.py",
        "pyproject.toml",
        "tests/test_smoke.py",
    ]


def test_the_entry_point_leads_to_the_class() -> None:
    files = port_of(load_spec())
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["entry-points"] == {
        "vllm.general_plugins": {"llava_vllm": "llava_vllm:register"}
    }
    assert project["project"]["optional-dependencies"]["vllm"] == ["vllm>=0.31,<0.34"]
    values = {"__name__": "llava_vllm"}
    exec(files["llava_vllm/__init__.py"], values)
    module, _, name = values["MODEL_CLASS"].partition(":")
    model = ast.parse(files[f"{module.replace('.', '/')}.py"])
    assert name in {node.name for node in model.body if isinstance(node, ast.ClassDef)}
    assert values["ARCHITECTURE"] == "LlavaForConditionalGeneration"


def test_a_config_class_of_vllms_own_makes_way() -> None:
    """qwen3_asr is a type that vLLM 0.32.0 reads by a class of its own."""
    glmasr = load_spec("glmasr")
    name = "glm_asr_vllm/__init__.py"
    assert "_CONFIG_REGISTRY" not in port_of(glmasr)[name]
    replaced = port_of(dataclasses.replace(glmasr, model_type="qwen3_asr"))[name]
    assert '_CONFIG_REGISTRY.pop("qwen3_asr", None)' in replaced
    assert isinstance(ast.parse(replaced), ast.Module)


def test_a_file_says_how_to_register_it() -> None:
    (path, text), *others = port_of(load_spec(), "file").items()
    assert (path, others) == ("llava.py", [])
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n#\n# Register this class")
    assert '"llava:LlavaForConditionalGeneration"' in text.split('"""')[0]
    assert ast.get_docstring(ast.parse(text))


def test_the_model_is_the_same_in_both_layouts() -> None:
    plugin, file = port_of(load_spec()), port_of(load_spec(), "file")
    docstring = '"""LlavaFor'
    body = plugin["llava_vllm/llava.py"].partition(docstring)[2]
    assert body == file["llava.py"].partition(docstring)[2]


def test_the_readme_serves_the_model_at_its_revision() -> None:
    text = port_of(load_spec())["README.md"]
    assert "vllm serve reference/llava-clip-llama" in text
    assert "--revision 0123456789abcdef0123456789abcdef01234567" in text
    assert "--revision" not in port_of(load_spec("siglip_qwen2"))["README.md"]


def test_the_readme_names_a_hub_model_and_no_folder() -> None:
    hub, local = port_of(load_spec())["README.md"], port_of(load_spec("siglip_qwen2"))["README.md"]
    assert "`MODEL` stands for" not in hub
    assert "`MODEL` stands for" in local
    assert "vllm serve MODEL" in local
    assert "mmport verify MODEL --port . --tiny" in local


def test_the_readme_claims_no_more_than_was_proven() -> None:
    text = port_of(load_spec())["README.md"]
    assert "Written by mmport for vLLM 0.31 to 0.33" in text
    assert "The release that it is proven on is named in `evidence/`" in text


def test_the_readme_says_what_differs_from_vllms_own_class_if_there_is_one() -> None:
    heading = "## What differs from vLLM's own class"
    text = port_of(load_spec())["README.md"]
    assert text.count("\n- The port ") == 2
    assert heading in text
    assert heading not in port_of(load_spec(architecture="NewVisionModel"))["README.md"]
    gemma = port_of(load_spec("siglip_gemma2"))["README.md"]
    assert "leaves the logits as the head makes them" in gemma


def of_language_model(architecture: str) -> VlmSpec:
    spec = load_spec()
    text = dataclasses.replace(spec.language_model, vllm_architecture=architecture)
    return dataclasses.replace(spec, language_model=text)


def model_class(files: dict[str, str]) -> ast.ClassDef:
    return next(
        node
        for node in ast.parse(files["llava_vllm/llava.py"]).body
        if isinstance(node, ast.ClassDef) and node.name == "LlavaForConditionalGeneration"
    )


PP, LORA = "SupportsPP", "SupportsLoRA"


@pytest.mark.parametrize(
    ("architecture", "able"),
    [
        ("LlamaForCausalLM", {PP, LORA}),
        ("GPT2LMHeadModel", {PP}),
        ("IQuestLoopCoderForCausalLM", set()),
    ],
)
def test_a_port_declares_what_its_language_model_can_do(
    tmp_path: Path, architecture: str, able: set[str]
) -> None:
    files = port_of(of_language_model(architecture))
    node = model_class(files)
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    assert bases & {PP, LORA} == able
    source = ast.unparse(node)
    assert ("make_empty_intermediate_tensors" in source) == (PP in able)
    for name in ("supports_tower_connector_lora", "get_mm_mapping", "get_mm_lora_token_counts"):
        assert (name in source) == (LORA in able)
    assert "packed_modules_mapping" in source
    smoke = files["tests/test_smoke.py"]
    assert ("supports_pp(" in smoke, "supports_lora(" in smoke) == (PP in able, LORA in able)
    assert ("## What it does not do" in files["README.md"]) == (able != {PP, LORA})
    for path in ("llava_vllm/llava.py", "tests/test_smoke.py"):
        file = tmp_path / Path(path).name
        file.write_text(files[path])
        assert lint_python([file], first_party="llava_vllm") == ()


def test_a_language_model_that_is_not_split_gets_no_intermediate_tensors() -> None:
    node = model_class(port_of(of_language_model("IQuestLoopCoderForCausalLM")))
    (forward,) = (item for item in node.body if getattr(item, "name", "") == "forward")
    assert isinstance(forward, ast.FunctionDef)
    assert [argument.arg for argument in forward.args.args][3] == "intermediate_tensors"
    call = forward.body[-1]
    assert "self.language_model(input_ids, positions, inputs_embeds=inputs_embeds)" in ast.unparse(
        call
    )


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a]", ""])
def test_ruff_gets_no_name_that_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(MalformedSource):
        lint_python([tmp_path / "a.py"], first_party=name)
    with pytest.raises(MalformedSource):
        format_python("x = 1\n", first_party=name)


@settings(max_examples=15, deadline=None)
@given(
    token=st.text(min_size=1).filter(lambda text: text.isprintable()) | st.just(INJECTION),
    source=st.text(min_size=1) | st.just(f"a\n```\n{INJECTION}"),
    revision=st.none() | st.text(min_size=1),
)
def test_no_string_of_a_config_becomes_code(
    tmp_path_factory: pytest.TempPathFactory, token: str, source: str, revision: str | None
) -> None:
    files = port_of(hostile(token, source, revision))
    plain = port_of(load_spec())
    folder = tmp_path_factory.mktemp("port")
    for path, text in files.items():
        if path.endswith(".py"):
            assert shape(text) == shape(plain[path])
            (folder / Path(path).name).write_text(text)
    assert lint_python(tuple(folder.iterdir()), first_party="llava_vllm") == ()
    assert files["README.md"].count("\n```") == plain["README.md"].count("\n```")
    assert files["pyproject.toml"] == plain["pyproject.toml"]


def shape(text: str) -> str:
    """What Python makes of a module, strings aside."""

    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("") if isinstance(node.value, str) else node

    return ast.dump(Blank().visit(ast.parse(text)))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": INJECTION},
        {"names.package": "../../../tmp/x"},
        {"names.module": "a/b"},
        {"names.class_prefix": "X(object): pass\nimport os\nclass Y"},
        {"names.distribution": 'x"\n[tool]'},
    ],
)
def test_a_plan_from_a_tampered_lock_generates_nothing(changes: dict[str, str]) -> None:
    spec = load_spec()
    plan: Any = plan_of(spec)
    for field, value in changes.items():
        head, _, name = field.rpartition(".")
        if head:
            value = dataclasses.replace(plan.names, **{name: value})
        plan = dataclasses.replace(plan, **{head or name: value})
    with pytest.raises(MalformedSource):
        render_port(plan, spec)


def test_a_tampered_component_generates_nothing() -> None:
    spec = load_spec()
    plan = plan_of(spec)
    encoder, *others = plan.components
    encoder = dataclasses.replace(encoder, vllm_module="os; import sys as x")
    with pytest.raises(MalformedSource):
        render_port(dataclasses.replace(plan, components=(encoder, *others)), spec)


def test_an_architecture_that_hides_an_import_is_refused() -> None:
    with pytest.raises(NotPortable, match="has to import"):
        port_of(load_spec(architecture="BaseForConditionalGeneration"))


def test_an_era_without_templates_is_an_unknown_target() -> None:
    spec = load_spec()
    with pytest.raises(UnknownTarget, match="no templates for vLLM"):
        render_port(dataclasses.replace(plan_of(spec), era="E0"), spec)


def test_code_that_is_no_python_is_our_own_fault() -> None:
    with pytest.raises(MmportError, match="ruff failed"):
        format_python("def f(:\n", first_party="x")


def test_the_folders_beside_do_not_change_the_order_of_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").touch()
    text = "import vllm\nimport mine\nimport torch\nimport os\n"
    expected = "import os\n\nimport torch\nimport vllm\n\nimport mine\n"
    monkeypatch.chdir(tmp_path)
    assert format_python(text, first_party="mine") == expected
