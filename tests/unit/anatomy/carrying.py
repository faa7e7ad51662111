"""Carries from modules that a test gives as text."""

from __future__ import annotations

import textwrap

from mmport.anatomy.repo_code.carry import carry


def carried(*wanted: str, module: str = "modeling_x", **modules: str) -> dict[str, str]:
    """Carry from modules that are given as text, without the line that says whence."""
    texts = {name: textwrap.dedent(text).lstrip("\n") for name, text in modules.items()}
    return {
        name: "\n".join(line for line in text.split("\n") if not line.startswith("# Carried"))
        for name, text in carry(texts, {module: wanted}).items()
    }


def one(*wanted: str, text: str) -> str:
    """Carry within one module."""
    return carried(*wanted, modeling_x=text)["modeling_x"].strip("\n")


def dedented(text: str) -> str:
    return textwrap.dedent(text).strip("\n")
