from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from mmport.gate.reading import read_python
from mmport.model.finding import Finding


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.py"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 1", "x = 1"),
        (b"x = 1\r\ny = 2\rz = 3\n", "x = 1\ny = 2\nz = 3\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        ("x = 'ü'\n".encode(), "x = 'ü'\n"),
        (b"# coding: latin-1\nx = '\xfc'\n", "# coding: latin-1\nx = 'ü'\n"),
        (b"#!/usr/bin/python\n# -*- coding: cp1252 -*-\nx = '\x80'\n", None),
    ],
)
def test_a_file_is_read_as_python_reads_it(file: Path, data: bytes, text: str | None) -> None:
    file.write_bytes(data)
    assert read_python(file) == (text or data.decode("cp1252"))


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"x = 1\ny = '\xfc'\n", 2, 6, "is not utf-8"),
        ("ü = 'ü'".encode() + b"\xfc", 1, 8, "is not utf-8"),
        (b"\r\n\r\xfc", 3, 1, "is not utf-8"),
        (b"# coding: no-such\n", 1, 0, "cannot be decoded: unknown encoding"),
        (b"# coding: hex\nx = 1\n", 1, 0, "cannot be decoded: 'hex' is not a text encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, 0, "cannot be decoded"),
        (b"x = 1\n  \0", 2, 3, "holds a NUL byte"),
        (b"x = 1\ndef f(:\n", 2, 7, "invalid syntax"),
        (b"if x:\n\ty\n        z\n", 3, 0, "inconsistent use of tabs"),
        (b"x = -" + b"(" * 500 + b")" * 500, 1, 0, "too many nested parentheses"),
        (b"x = " + b"-" * 20000 + b"1", 0, 0, "is nested too deeply to be read"),
    ],
)
def test_what_is_no_python_is_a_finding_at_its_place(
    file: Path, data: bytes, line: int, column: int, message: str
) -> None:
    file.write_bytes(data)
    found = read_python(file)
    assert isinstance(found, Finding)
    assert (found.rule, found.file, found.line) == ("syntax", str(file), line)
    assert message in found.message
    if column:
        assert found.column == column


def test_a_file_that_is_not_there_is_a_finding(file: Path) -> None:
    file.symlink_to(file.with_name("gone.py"))
    found = read_python(file)
    assert isinstance(found, Finding)
    assert found.message == "cannot be read: No such file or directory"


def test_a_pipe_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    found = read_python(file)
    assert isinstance(found, Finding)
    assert found.message == "is not a file that could be read"


def test_what_python_thinks_of_a_string_is_not_told(file: Path) -> None:
    file.write_text('x = "\\d"\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_python(file) == 'x = "\\d"\n'
