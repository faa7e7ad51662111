"""Findings for the tests of the formats."""

from __future__ import annotations

from mmport.gate.checking import Checked
from mmport.model.finding import Finding, Severity

WHOLE = Finding(Severity.NOTE, "outdated", "port/README.md", 0, "is older\n--- a\n+++ b", "")
PLACED = Finding(Severity.ERROR, "syntax", "a.py", 2, "100% wrong: x, y\r\nz", "mend it", 5, 3)
TARGETED = Finding(Severity.WARNING, "lint", "sub dir/ü,:%.py", 1, "m", "f", target="0.32.0")

CHECKED = Checked((WHOLE, PLACED, TARGETED), ports=1, files=2, silenced=1)
