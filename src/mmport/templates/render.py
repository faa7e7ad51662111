"""Renders one template of an era."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mmport.templates.filters import FILTERS
from mmport.vllm_api.eras import ERAS
from mmport.vllm_api.legacy import legacy_contract

if TYPE_CHECKING:
    from jinja2 import Environment


def render(era: str, name: str, **values: object) -> str:
    """Render the template `name` (without `.jinja`) of an era.

    An undefined variable is an error, never an empty string. The text is not
    formatted yet.

    Raises:
        jinja2.TemplateNotFound: the era has no such template.
        MalformedSource: a value cannot stand where the template puts it.
    """
    template = _environment().get_template(f"{_folder(era)}/{name}.jinja")
    return template.render(**values)


def has_era(era: str) -> bool:
    """Tell whether there are templates for an era."""
    return any(name.startswith(f"{_folder(era)}/") for name in _environment().list_templates())


def has_template(era: str, name: str) -> bool:
    """Tell whether an era has the template `name` (without `.jinja`)."""
    return f"{_folder(era)}/{name}.jinja" in _environment().list_templates()


def _folder(era: str) -> str:
    """Name an era's folder: one is for the first multimodal API, one for what came after."""
    if legacy_contract(era):
        return "legacy"
    return "modern" if any(one.name == era for one in ERAS) else era.lower()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mmport", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Python, TOML and Markdown, each with its own filters
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    return environment
