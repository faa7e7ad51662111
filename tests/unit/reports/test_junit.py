from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.reports.junit import junit_xml
from tests.unit.reports import runs


def parse(*evidence: Evidence, model: str = "llava") -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml(runs.record(*evidence, model=model)))


def test_it_has_a_suite_a_stage_and_a_case_a_measurement() -> None:
    evidence = runs.failing()
    suites = parse(runs.passing(), evidence).findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        f"{name}.{stage.value}" for name in ("port", "in-tree") for stage in Stage
    ]
    encoder = suites[len(Stage) + 2]
    assert [case.get("name") for case in encoder.findall("testcase")] == [
        item.subject for item in evidence.stages[2].measurements
    ]
    assert encoder.findall("testcase")[0].get("classname") == "mmport.in-tree.encoder.text"


def test_the_counts_are_those_of_the_cases() -> None:
    root = parse(runs.failing())
    for holder in (root, *root.findall("testsuite")):
        cases = list(holder.iter("testcase"))
        assert holder.get("tests") == str(len(cases))
        for tag, name in (("failure", "failures"), ("skipped", "skipped"), ("error", "errors")):
            assert holder.get(name) == str(sum(case.find(tag) is not None for case in cases))
    assert (root.get("failures"), root.get("skipped")) == ("1", "2")


def test_it_has_the_form_that_ci_systems_read() -> None:
    root = parse(runs.failing())
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("timestamp") == "2026-01-02T03:04:05"
        assert [child.tag for child in suite][:1] == ["properties"]
        assert {child.tag for child in suite} == {"properties", "testcase"}
        for case in suite.findall("testcase"):
            assert {"name", "classname", "time"} <= set(case.keys())
            assert len(list(case)) <= 1
            for verdict in case:
                assert verdict.get("message")


def test_a_failure_says_where_the_models_part() -> None:
    failure = parse(runs.failing()).find(".//failure")
    assert failure is not None
    assert failure.get("type") == "encoder"
    assert "first difference: node in encoder" in (failure.text or "")


def test_a_stage_that_was_not_run_is_no_pass() -> None:
    suite = parse(runs.failing()).findall("testsuite")[-1]
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "the engine stopped before it"


def test_no_two_cases_of_a_suite_have_one_name() -> None:
    evidence = runs.passing()
    stage = evidence.stages[2]
    twice = replace(stage, measurements=stage.measurements * 2)
    stages = (*evidence.stages[:2], twice, *evidence.stages[3:])
    suite = parse(replace(evidence, stages=stages)).findall("testsuite")[2]
    names = [(case.get("classname"), case.get("name")) for case in suite.findall("testcase")]
    assert len(names) == len(set(names)) == 4


def test_what_a_model_says_is_legal_xml() -> None:
    root = parse(runs.hostile(), model=runs.HOSTILE)
    assert "<script>" in (root.get("name") or "")
    assert root.get("failures") == str(
        sum(
            item.outcome is Outcome.FAILED
            for stage in runs.hostile().stages
            for item in stage.measurements
        )
    )
