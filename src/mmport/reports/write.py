"""Writes all four files of a report, together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmport.core.files import write_tree
from mmport.core.jsonable import to_json
from mmport.reports.card import card
from mmport.reports.exhibits import Exhibits
from mmport.reports.junit import junit_xml
from mmport.reports.page import render_page
from mmport.reports.record import Record

EVIDENCE, PAGE, JUNIT, CARD = "evidence.json", "report.html", "junit.xml", "card.md"


def write_report(folder: Path, record: Record, exhibits: Sequence[Exhibits]) -> None:
    """Write `evidence.json`, `report.html`, `junit.xml` and `card.md`.

    Args:
        folder: where to; other files in it are left alone.
        record: of the run.
        exhibits: of each implementation, in the order of the record's evidence.

    Raises:
        TargetUnwritable: the folder cannot be written.
    """
    texts = {
        EVIDENCE: to_json(record),
        PAGE: render_page(record, exhibits),
        JUNIT: junit_xml(record),
        CARD: card(record),
    }
    write_tree(folder, texts)
