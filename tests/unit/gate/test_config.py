from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mmport.core.errors import Usage
from mmport.gate.config import Config, Configs, Level, Overrides, load
from mmport.gate.rules import EDITED, LINT, SYNTAX
from mmport.model.finding import Finding, Severity
from tests.conftest import ROOT

FULL = """
[tool.mmport]
target-vllm = ["0.31", "v0.32.0", "0.32.0"]

[tool.mmport.check]
select = ["edited", "lint"]
ignore = ["drift"]
severity = { lint = "warning", edited = "off" }
exclude = ["vendor/", "*_pb2.py"]
per-file-ignores = { "tests/**" = ["lint"] }
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def check(text: str) -> str:
    return f"[tool.mmport.check]\n{text}\n"


def read(folder: Path, text: str) -> Config:
    found = load(write(folder, text))
    assert found is not None
    return found


def found_in(file: Path | str, rule: str = "lint") -> Finding:
    return Finding(Severity.ERROR, rule, str(file), 1, "m", "f")


def test_all_that_can_be_said(tmp_path: Path) -> None:
    assert read(tmp_path, FULL) == Config(
        root=tmp_path,
        targets=("0.31.0", "0.32.0"),
        select=frozenset({"edited", "lint"}),
        ignore=frozenset({"drift"}),
        severity={"lint": Level.WARNING, "edited": Level.OFF},
        exclude=("vendor/", "*_pb2.py"),
        per_file_ignores={"tests/**": ("lint",)},
    )


@pytest.mark.parametrize("text", ["", "[tool.other]\n", "tool = 3\n"])
def test_a_file_without_the_table_says_nothing(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)) is None


def test_an_empty_table_is_a_configuration(tmp_path: Path) -> None:
    assert read(tmp_path, "[tool.mmport]\n") == Config(tmp_path)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[tool.mmport]\ntarget = 1", "tool.mmport has no key 'target'", "'target-vllm'"),
        (check("selct = []"), "tool.mmport.check has no key 'selct'", "'select'"),
        (check("zzz = 1"), "has no key 'zzz'", "its keys are select, ignore, severity"),
        (check("select = ['lnt']"), "check.select: there is no rule 'lnt'", "'lint'"),
        (check("ignore = ['lnt']"), "check.ignore: there is no rule 'lnt'", "'lint'"),
        (check("severity = {lnt = 'off'}"), "severity: there is no rule 'lnt'", "'lint'"),
        (check("severity = {lint = 'of'}"), "lint: there is no severity 'of'", "'off'"),
        (check("per-file-ignores = {a = ['lnt']}"), "ignores.a: there is no rule", "'lint'"),
        (check("exclude = ['!']"), "exclude: '!' is no glob", ".gitignore"),
        (check("select = 'lint'"), "check.select: Expected `array`, got `str`", "README"),
        (check("select = [1]"), "Expected `str`, got `int` - at `$[0]`", "README"),
        (check("severity = []"), "severity: Expected `object`, got `array`", "README"),
        ("[tool]\nmmport = 3", "tool.mmport: Expected `object`, got `int`", "README"),
        ("[tool.mmport]\ncheck = 3", "mmport.check: Expected `object`", "README"),
        ("[tool.mmport]\ntarget-vllm = '0.32.0'", "Expected `array`, got `str`", "README"),
        ("[tool.mmport]\ntarget-vllm = ['0.32.9']", "target-vllm: vLLM '0.32.9'", "'0.32.0'"),
        ("[tool.mmport]\ntarget-vllm = ['new']", "target-vllm: vLLM 'new'", "0.5.1, 0.5.2"),
        ("[tool.mmport", "cannot be read", "mend the file"),
    ],
)
def test_what_cannot_be_is_told_with_file_key_and_what_was_meant(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(Usage) as caught:
        load(file)
    assert caught.value.what.startswith(str(file))
    assert message in caught.value.what
    assert hint in caught.value.hint


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"x = '\xff'")
    with pytest.raises(Usage, match="cannot be read"):
        load(tmp_path / "pyproject.toml")


def test_the_nearest_table_above_a_file_counts(tmp_path: Path) -> None:
    write(tmp_path, check("ignore = ['lint']"))
    write(tmp_path / "port", "[project]\nname = 'port'\n")
    write(tmp_path / "own", check("ignore = ['drift']"))
    configs = Configs(Overrides())
    assert configs.of(tmp_path / "port" / "a.py").ignore == {"lint"}
    assert configs.of(tmp_path / "own" / "deep" / "a.py").ignore == {"drift"}
    assert configs.of(tmp_path / "own").ignore == {"drift"}
    assert configs.of(tmp_path / "own" / ".." / "a.py").ignore == {"lint"}


def test_where_there_is_none_all_is_as_the_rules_have_it() -> None:
    config = Configs(Overrides()).of(Path("/a.py"))
    finding = found_in("/a.py")
    assert config.judge(finding) is finding
    assert config.targets == ()
    assert not config.excludes(Path("/a.py"))


def test_globs_are_those_of_a_gitignore(tmp_path: Path) -> None:
    config = read(tmp_path, check("exclude = ['vendor/', '*_pb2.py', '/build', '!build/a.py']"))
    (tmp_path / "vendor").mkdir()
    left_out = ["vendor", "vendor/a.py", "deep/vendor/a.py", "deep/x_pb2.py", "build/b.py"]
    assert [name for name in left_out if not config.excludes(tmp_path / name)] == []
    kept = [".", "a.py", "deep/build/b.py", "../vendor/a.py", "vendored.py"]
    assert [name for name in kept if config.excludes(tmp_path / name)] == []


def test_a_folder_is_left_out_by_what_is_said_above_it(tmp_path: Path) -> None:
    write(tmp_path, check("exclude = ['own']"))
    write(tmp_path / "own", check("exclude = ['*.py']"))
    configs = Configs(Overrides())
    assert configs.excludes(tmp_path / "own")
    assert configs.excludes(tmp_path / "own" / "a.py")
    assert not configs.excludes(tmp_path / "other")


def test_rules_in_files_that_are_to_be_silent_there(tmp_path: Path) -> None:
    config = read(tmp_path, check("per-file-ignores = { 'tests/' = ['lint'], 'a.py' = ['drift'] }"))
    assert config.judge(found_in(tmp_path / "tests" / "b.py")) is None
    assert config.judge(found_in(tmp_path / "tests" / "b.py", "drift")) is not None
    assert config.judge(found_in(tmp_path / "deep" / "a.py", "drift")) is None
    assert config.judge(found_in(tmp_path / "b.py")) is not None


def test_a_project_weighs_its_rules(tmp_path: Path) -> None:
    config = read(tmp_path, check("severity = { lint = 'note', edited = 'off' }"))
    lint, edited, drift = (found_in("a.py", rule) for rule in ("lint", "edited", "drift"))
    weighed = config.judge(lint)
    assert weighed is not None
    assert weighed.severity is Severity.NOTE
    assert config.judge(edited) is None
    assert config.judge(drift) is drift


def test_what_cannot_be_read_is_told_whatever_is_selected(tmp_path: Path) -> None:
    config = read(tmp_path, check("select = ['edited']"))
    assert config.judge(found_in("a.py", EDITED.name)) is not None
    assert config.judge(found_in("a.py", LINT.name)) is None
    assert config.judge(found_in("a.py", SYNTAX.name)) is not None
    assert read(tmp_path, check("ignore = ['syntax']")).judge(found_in("a.py", "syntax")) is None


def test_the_command_line_stands_above_the_configuration(tmp_path: Path) -> None:
    write(tmp_path, FULL)
    overrides = Overrides(targets=("0.33",), select=("drift",), ignore=())
    config = Configs(overrides).of(tmp_path / "a.py")
    assert config.targets == ("0.33.0",)
    assert config.select == frozenset({"drift"})
    assert config.ignore == frozenset()
    assert config.severity["lint"] is Level.WARNING


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (Overrides(targets=("0.32.9",)), "vLLM '0.32.9' is no release"),
        (Overrides(select=("lnt",)), "--select: there is no rule 'lnt'"),
        (Overrides(ignore=("lnt",)), "--ignore: there is no rule 'lnt'"),
    ],
)
def test_a_wrong_option_is_told_whatever_is_checked(overrides: Overrides, message: str) -> None:
    with pytest.raises(Usage, match=message):
        Configs(overrides)


def test_the_readme_shows_every_key(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("### Configuration")[2]
    config = read(tmp_path, section.partition("```toml\n")[2].partition("```")[0])
    bare = Config(tmp_path)
    said = [field.name for field in fields(Config) if field.name != "root"]
    assert [name for name in said if getattr(config, name) == getattr(bare, name)] == []
