from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mmport.core.jsonable import to_json
from mmport.gate.checking import Checked
from mmport.gate.formats.sarif import FINGERPRINT, sarif_log
from mmport.model.finding import Finding, Severity
from tests.schemas import require_valid
from tests.unit.gate.formats.findings import CHECKED
from tests.unit.gate.old_names import KNOWN, OLD_NAME


def log(checked: Checked, here: Path) -> Any:
    document = json.loads(to_json(sarif_log(checked, KNOWN, here)))
    require_valid(document, "sarif-2.1.0")
    return document["runs"][0]


def results(here: Path, *findings: Finding) -> Any:
    return log(Checked(findings, 0, 1), here)["results"]


def test_the_schema_is_the_official_one_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    document = sarif_log(CHECKED, KNOWN, tmp_path)
    document["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        require_valid(json.loads(to_json(document)), "sarif-2.1.0")


def test_a_rule_is_described(tmp_path: Path) -> None:
    driver = log(CHECKED, tmp_path)["tool"]["driver"]
    assert driver["name"] == "mmport"
    assert [rule["id"] for rule in driver["rules"]] == list(KNOWN)
    facts = (
        "A name that the release does not have. Since vLLM 0.31.0. "
        "See vllm.model_executor.models.interfaces."
    )
    assert driver["rules"][-1] == {
        "id": OLD_NAME.name,
        "shortDescription": {"text": "A name that the release does not have."},
        "fullDescription": {"text": facts},
        "help": {"text": f"{facts} What to do: use the new name"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["api"], "documentation": "docs/rules.md#old-name"},
    }


def test_a_result_says_what_and_where(tmp_path: Path) -> None:
    whole, placed, targeted = log(CHECKED, tmp_path)["results"]
    assert (whole["ruleId"], whole["level"]) == ("outdated", "note")
    assert whole["message"] == {"text": "is older\n--- a\n+++ b"}
    root = {"uriBaseId": "%SRCROOT%"}
    assert whole["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "port/README.md", **root}}}
    ]
    assert placed["message"]["text"].endswith("\nfix: mend it")
    assert placed["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a.py", **root},
                "region": {"startLine": 2, "startColumn": 5, "endLine": 3},
            }
        }
    ]
    assert list(KNOWN)[placed["ruleIndex"]] == placed["ruleId"] == "syntax"
    assert targeted["properties"] == {"target": "0.32.0"}
    physical = targeted["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "sub%20dir/%C3%BC%2C%3A%25.py"
    assert physical["region"] == {"startLine": 1}


def test_the_machine_is_not_in_the_document(tmp_path: Path) -> None:
    finding = Finding(Severity.ERROR, "lint", str(tmp_path / "a.py"), 1, "m", "f")
    document = sarif_log(Checked((finding,), 0, 1), KNOWN, tmp_path)
    assert str(tmp_path) not in to_json(document)


def test_a_file_elsewhere_has_its_whole_address(tmp_path: Path) -> None:
    here = tmp_path / "repo"
    finding = Finding(Severity.ERROR, "lint", "../a b.py", 0, "m", "f")
    (result,) = results(here, finding)
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": f"{tmp_path.as_uri()}/a%20b.py"}


def prints(here: Path, *findings: Finding) -> list[str]:
    return [item["partialFingerprints"][FINGERPRINT] for item in results(here, *findings)]


def found_at(line: int, rule: str = "lint", file: str = "a.py", target: str = "") -> Finding:
    return Finding(Severity.ERROR, rule, file, line, f"wrong in line {line}", "f", target=target)


def test_a_fingerprint_outlives_lines_above_it(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("old\nnew\n")
    before = prints(tmp_path, found_at(1))
    file.write_text("# a remark\r\n\r\n  # more\r\nold\r\n")
    assert prints(tmp_path, found_at(4)) == before
    assert prints(tmp_path, found_at(4, target="0.32.0")) == before
    file.write_text("other\n")
    assert prints(tmp_path, found_at(1)) != before


def test_each_finding_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old\nold\nnew\n")
    (tmp_path / "b.py").write_text("old\n")
    findings = [
        found_at(1),
        found_at(2),
        found_at(3),
        found_at(0),
        found_at(99),
        found_at(1, "syntax"),
        found_at(1, target="0.31.0"),
        found_at(1, target="0.32.0"),
        found_at(1, file="b.py"),
    ]
    assert len(set(prints(tmp_path, *findings))) == len(findings)


def test_a_file_that_cannot_be_read_has_fingerprints_too(tmp_path: Path) -> None:
    assert len(prints(tmp_path, found_at(1, "syntax"))) == 1
