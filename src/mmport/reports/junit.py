"""The evidence as JUnit's XML, which CI systems show: a suite a stage, a case a measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmport.model.evidence import Evidence, Measurement, Outcome, StageResult
from mmport.reports.record import Record
from mmport.verification.referee import describe
from mmport.verification.report import divergence_lines, figures_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def junit_xml(record: Record) -> str:
    """Render the file.

    What could not be compared is skipped, and so is a stage that was not run,
    by a case of its own; nothing that was not tested looks like a pass.
    """
    from xml.etree.ElementTree import Element, indent, tostring

    root = Element("testsuites", name=f"mmport verify {_legal(record.model)}")
    for evidence in record.evidence:
        root.extend(_suite(evidence, stage, record.created) for stage in evidence.stages)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(evidence: Evidence, stage: StageResult, created: str) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    name = f"{evidence.implementation}.{stage.stage.value}"
    suite = Element("testsuite", name=name, timestamp=created.removesuffix("+00:00"), time="0")
    properties = SubElement(suite, "properties")
    for key, value in _properties(evidence):
        SubElement(properties, "property", name=key, value=_legal(value))
    cases = list(_cases(evidence, stage, name))
    suite.extend(cases)
    counts = Counter(child.tag for case in cases for child in case)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", "0")
    suite.set("skipped", str(counts["skipped"]))
    return suite


def _properties(evidence: Evidence) -> Iterator[tuple[str, str]]:
    environment = evidence.environment
    yield "model", evidence.model
    yield "architecture", evidence.architecture
    for name in ("mmport", "vllm", "transformers", "torch", "device", "dtype"):
        yield name, getattr(environment, name)


def _cases(evidence: Evidence, stage: StageResult, suite: str) -> Iterator[Element]:
    from xml.etree.ElementTree import Element, SubElement

    if not stage.measurements:
        case = Element("testcase", classname=f"mmport.{suite}", name="the whole stage", time="0")
        SubElement(case, "skipped", message=_legal(stage.reason or "not run"))
        yield case
        return
    seen: Counter[tuple[str, str]] = Counter()
    for item in stage.measurements:
        seen[item.scenario, item.subject] += 1
        number = seen[item.scenario, item.subject]
        subject = item.subject if number == 1 else f"{item.subject} ({number})"
        # A viewer cuts the class off at the last dot: none may stand in a scenario.
        scenario = item.scenario.replace(".", "\N{ONE DOT LEADER}")
        case = Element(
            "testcase",
            classname=_legal(f"mmport.{suite}.{scenario}"),
            name=_legal(subject),
            time="0",
        )
        _judge(case, item, evidence)
        yield case


def _judge(case: Element, item: Measurement, evidence: Evidence) -> None:
    from xml.etree.ElementTree import SubElement

    if item.outcome is Outcome.NOT_RUN:
        SubElement(case, "skipped", message=_legal(item.detail or "not comparable"))
    elif item.outcome is Outcome.FAILED:
        failure = SubElement(case, "failure", message=_legal(describe(item)), type=item.stage.value)
        lines = [item.detail, figures_text(item)]
        divergence = evidence.divergence
        if divergence is not None and divergence.stage is item.stage:
            lines += divergence_lines(divergence)
        failure.text = _legal("\n".join(line for line in lines if line)) or None


def _legal(text: str) -> str:
    """Replace what no XML document can hold, not even escaped."""
    return "".join(char if _is_legal(ord(char)) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _is_legal(code: int) -> bool:
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
