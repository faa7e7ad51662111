from __future__ import annotations

from pathlib import Path

from mmport.gate.checking import Checked
from mmport.gate.formats.github import commands
from mmport.model.finding import Finding, Severity
from tests.unit.gate.formats.findings import CHECKED


def test_each_finding_is_one_command() -> None:
    assert list(commands(CHECKED, Path("/repo"))) == [
        "::notice file=port/README.md,title=mmport outdated::is older%0A--- a%0A+++ b",
        "::error file=a.py,line=2,endLine=3,col=5,title=mmport syntax"
        "::100%25 wrong: x, y%0D%0Az%0Afix: mend it",
        "::warning file=sub dir/ü%2C%3A%25.py,line=1,title=mmport lint (vLLM 0.32.0)::m%0Afix: f",
    ]


def test_a_file_is_named_from_the_folder_on() -> None:
    files = ("/repo/sub/a.py", "sub/../b.py", "../other/c.py")
    found = tuple(Finding(Severity.ERROR, "lint", file, 0, "m", "") for file in files)
    lines = list(commands(Checked(found, 0, 3), Path("/repo")))
    names = [line.split("file=")[1].split(",")[0] for line in lines]
    assert names == ["sub/a.py", "b.py", "../other/c.py"]


def test_a_finding_cannot_give_a_command_of_its_own() -> None:
    nasty = "x\n::add-mask::y\r::error::z"
    finding = Finding(Severity.ERROR, "lint", nasty, 1, nasty, nasty)
    (line,) = commands(Checked((finding,), 0, 1), Path("/repo"))
    assert "\n" not in line
    assert "\r" not in line
    assert line.count("::") == 2 + line.split("::", 2)[2].count("::")
