from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmport.core.errors import Usage
from mmport.gate.checking import Checked, check_paths
from mmport.gate.config import Overrides
from mmport.gate.registry import SourceCheck
from mmport.generation.lock import record_evidence
from mmport.model.finding import Finding, Severity
from tests.unit.gate import old_names
from tests.unit.generation.ports import append, evidence_of, write_port

MODEL = "llava_vllm/llava.py"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def port(here: Path) -> Path:
    write_port(here / "port")
    record_evidence(here / "port", evidence_of(here / "port"))
    return Path("port")


def checked(*paths: str | Path, check: SourceCheck = old_names.check, **overrides: str) -> Checked:
    said = Overrides(**{key: (value,) for key, value in overrides.items()})
    return check_paths([Path(path) for path in paths], said, checks=[check], known=old_names.KNOWN)


def told(result: Checked) -> list[tuple[str, str, int]]:
    return [(item.rule, item.file, item.line) for item in result.findings]


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_are_checked_for_the_default_release_and_sorted_by_place() -> None:
    write("b.py", "x = old, old\ny = old\n")
    write("a.py", "old\n")
    result = checked(".")
    places = [(item.file, item.line, item.column) for item in result.findings]
    assert places == [("a.py", 1, 1), ("b.py", 1, 5), ("b.py", 1, 10), ("b.py", 2, 5)]
    assert {item.target for item in result.findings} == {"0.32.0"}
    assert (result.ports, result.files, result.silenced) == (0, 2, 0)


def test_a_file_and_its_folder_are_checked_once() -> None:
    write("sub/a.py", "old\n")
    assert told(checked("sub/a.py", "sub", "sub/a.py")) == [("old-name", "sub/a.py", 1)]


def test_the_releases_are_the_projects_or_those_of_the_command_line() -> None:
    write("pyproject.toml", "[tool.mmport]\ntarget-vllm = ['0.31.0', '0.33.0']\n")
    write("a.py", "old\n")
    assert [item.target for item in checked("a.py").findings] == ["0.31.0, 0.33.0"]
    assert [item.target for item in checked("a.py", targets="0.32").findings] == ["0.32.0"]


def test_what_differs_by_release_stays_apart() -> None:
    def check(path: Path, text: str, targets: tuple[str, ...]) -> list[Finding]:
        same = [old_names.OLD_NAME.finding("m", file="a.py", target=target) for target in targets]
        return [*same, old_names.OLD_NAME.finding("n", file="a.py", target=targets[0])]

    write("pyproject.toml", "[tool.mmport]\ntarget-vllm = ['0.31.0', '0.32.0']\n")
    write("a.py", "x = 1\n")
    found = [(item.message, item.target) for item in checked("a.py", check=check).findings]
    assert found == [("m", "0.31.0, 0.32.0"), ("n", "0.31.0")]


def test_each_file_has_the_configuration_above_it() -> None:
    write("one/pyproject.toml", "[tool.mmport.check]\nexclude = ['gen.py']\n")
    write("one/gen.py", "old\n")
    write("one/a.py", "old\n")
    write("two/pyproject.toml", "[tool.mmport.check]\nselect = ['edited']\n")
    write("two/a.py", "old\n")
    write("two/b.py", "def f(:\n")
    found = [("old-name", "one/a.py", 1), ("syntax", "two/b.py", 1)]
    assert told(checked("one", "two")) == found
    assert told(checked("one/gen.py", "one/a.py", "two/a.py", "two/b.py")) == found


def test_comments_silence_findings_and_are_judged_themselves() -> None:
    comment = "# mmport: ignore[old-name] for 0.31"
    write("a.py", f"old  {comment}\nnew  {comment}\nold\n")
    result = checked("a.py")
    assert told(result) == [("ignore-unused", "a.py", 2), ("old-name", "a.py", 3)]
    assert result.silenced == 1


def test_a_comment_is_in_use_though_its_rule_is_not_wanted() -> None:
    write("a.py", "old  # mmport: ignore[old-name] for 0.31\n")
    assert told(checked("a.py", ignore="drift")) == []
    write("pyproject.toml", "[tool.mmport.check]\nseverity = {ignore-unused = 'off'}\n")
    write("a.py", "new  # mmport: ignore[old-name] for 0.31\n")
    assert told(checked("a.py")) == []


def test_a_proven_port_is_fine(port: Path) -> None:
    assert checked(port) == Checked((), ports=1, files=0)


def test_a_ports_modules_are_checked_for_the_release_that_it_is_for(port: Path) -> None:
    append(port / MODEL, "x = old\n")
    found = {(item.rule, item.target) for item in checked(port, ".").findings}
    assert found >= {("edited", ""), ("old-name", "0.32.0")}
    others = checked(port, targets="0.33.0").findings
    assert [item.target for item in others if item.rule == "old-name"] == ["0.33.0"]


def test_a_module_of_a_port_is_checked_once(port: Path) -> None:
    append(port / MODEL, "x = old\n")
    found = told(checked(port / MODEL, port))
    assert [rule for rule, _, _ in found].count("old-name") == 1
    assert told(checked(port / MODEL))[0][:2] == ("old-name", f"port/{MODEL}")


def test_a_port_is_told_once_that_a_module_is_no_python(port: Path) -> None:
    append(port / MODEL, "def f(:\n")
    assert [rule for rule, _, _ in told(checked(port))].count("syntax") == 1


def test_no_comment_silences_the_gate(port: Path) -> None:
    append(port / MODEL, "# mmport: ignore[edited, evidence-stale] I like it so\n")
    found = [rule for rule, _, _ in told(checked(port))]
    assert found == ["edited", "evidence-stale", "ignore-unknown-rule", "ignore-unknown-rule"]


def test_a_project_may_weigh_the_gate(port: Path) -> None:
    write("pyproject.toml", "[tool.mmport.check]\nseverity = {edited = 'warning'}\n")
    append(port / "README.md", "More.\n")
    result = checked(port)
    assert [(item.rule, item.severity) for item in result.findings] == [
        ("edited", Severity.WARNING)
    ]
    assert (result.fails(strict=False), result.fails(strict=True)) == (False, True)


def test_a_port_with_a_damaged_or_lost_lock_is_told_and_no_more(port: Path) -> None:
    append(port / "mmport.lock", "more =")
    assert [rule for rule, _, _ in told(checked(port))] == ["lock-damaged"]
    (port / "mmport.lock").unlink()
    assert [rule for rule, _, _ in told(checked(port))] == ["lock-missing"]


def test_what_a_check_cannot_follow_is_told() -> None:
    def endless(path: Path, text: str, targets: tuple[str, ...]) -> list[Finding]:
        return endless(path, text, targets)

    write("a.py", "x = 1\n")
    (found,) = checked("a.py", check=endless).findings
    assert (found.rule, found.message) == ("syntax", "is nested too deeply to be read")


def test_a_folder_that_cannot_be_listed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    write("closed/a.py", "old\n")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (found,) = checked(".").findings
    assert (found.file, found.message) == ("closed", "cannot be listed: Permission denied")


def test_what_cannot_be_written_is_spelled_out() -> None:
    Path(os.fsdecode(b"\xff.py")).write_text("def f(:\n")
    assert checked(".").findings[0].file == "\\udcff.py"


def test_lines_are_counted_whatever_ends_them() -> None:
    Path("a.py").write_bytes(b"\xef\xbb\xbfx = 1\r\nold\r\n")
    assert told(checked("a.py")) == [("old-name", "a.py", 2)]


def test_without_a_path_nothing_is_checked() -> None:
    with pytest.raises(Usage, match="nothing to check"):
        check_paths([])


def test_the_rules_and_checks_are_those_of_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmport.gate.registry.SOURCE_CHECKS", (old_names.check,))
    monkeypatch.setattr("mmport.gate.registry.RULES", old_names.KNOWN)
    write("a.py", "old\n")
    assert told(check_paths([Path("a.py")])) == [("old-name", "a.py", 1)]
    assert check_paths([Path("a.py")], Overrides(ignore=("old-name",))).findings == ()


@pytest.mark.full(reason="writes and reads ten thousand files")
def test_ten_thousand_files_are_checked_within_a_minute() -> None:
    for number in range(10_000):
        folder = Path(f"d{number % 100}")
        folder.mkdir(exist_ok=True)
        (folder / f"m{number}.py").write_text(f"x = {number}\nold\n")
    result = checked(".")
    assert (result.files, len(result.findings)) == (10_000, 10_000)


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    for number in range(20):
        text = (
            f"from vllm.attention import Attention  # {number}\nx = (\n" if number % 7 == 3 else ""
        )
        (tmp_path / f"m{number}.py").write_text(text or "from vllm.attention import Attention\n")
    assert check_paths([tmp_path], jobs=2) == check_paths([tmp_path])
