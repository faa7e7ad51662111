from __future__ import annotations

import msgspec
import pytest

from mmport.reports.record import Record
from tests.conftest import ROOT

SCHEMA = ROOT / "docs" / "evidence.schema.json"


def test_the_documented_schema_is_current(request: pytest.FixtureRequest) -> None:
    """`make golden` rewrites it; `docs/evidence.md` says what the fields mean."""
    schema = msgspec.json.schema(Record)
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"
    if request.config.getoption("--update-golden"):
        SCHEMA.write_text(text)
    assert SCHEMA.read_text() == text, "docs/evidence.schema.json is stale: make golden"
