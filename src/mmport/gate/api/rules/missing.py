"""A class that vLLM makes objects of lacks a method that the release demands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.vllm_api.surface.release import Member

RULE = Rule(
    "method-missing",
    "A registered class lacks a method that the release demands.",
    Severity.ERROR,
    "write the method",
    Group.API,
)


_REGISTERS = "register_processor"


def check(view: View) -> Iterator[Hit]:
    """Find abstract methods that a registered class does not have."""
    for item in _registered(view):
        for member in _abstract(view, item):
            if not view.defines(item, member.name):
                owner = member.owner.name
                message = f"{item.name} has no {member.name}, which {owner} demands"
                yield Hit(item.node, message, f"write {member.name}: {member.stub}")


def _registered(view: View) -> Iterator[ModelClass]:
    """Give the classes of the file that a registration names."""
    seen = set()
    for call in view.file.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == _REGISTERS:
            for value in (*call.args, *(one.value for one in call.keywords)):
                if isinstance(value, ast.Name) and value.id not in seen:
                    seen.add(value.id)
                    item = view.file.classes.get(value.id)
                    if item is not None:
                        yield item


def _abstract(view: View, item: ModelClass) -> Iterator[Member]:
    seen: set[str] = set()
    for owner in view.ancestry(item).vllm:
        for member in view.names.own_members(owner):
            if member.name not in seen:
                seen.add(member.name)
                if member.is_abstract:
                    yield member
