"""One processor is registered with a model, where mappers and functions of inputs were."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.derived import derived
from mmport.codemods.migrate.donor import Donor, names_of
from mmport.codemods.migrate.editing import drop_statements, first_method, put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.changes import changes

_NEW, _PLACEHOLDER = "register_processor", "get_placeholder_str"
_OWNERS = ("MultiModalRegistry", "InputRegistry")
_OLD = frozenset(one.name for one in changes().attribute if one.owner in _OWNERS)


@dataclass(frozen=True)
class _Registered:
    """A class under decorators of the first API, and what else of the file is theirs alone."""

    item: ModelClass
    decorators: tuple[ast.expr, ...]
    theirs: tuple[ast.stmt, ...]


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        old = _old(item)
        if not old:
            continue
        donor = reading.donor or derived(reading, item, old)
        found = _Registered(item, tuple(old), tuple(_theirs(reading, old, _kept(donor))))
        if isinstance(donor, str):
            edits.notes.append(_note(found, donor))
        elif not _is_meant(reading, item, donor):
            edits.notes.append(_note(found, f"the model that is named is a {donor.class_name}"))
        elif clash := _clash(reading, found, donor):
            edits.notes.append(_note(found, f"the file has a {clash} of its own"))
        else:
            _put(reading, found, donor, edits)
            if _lacks_text(reading, item, donor):
                edits.notes.append(_text_note(item))
    return edits


def _lacks_text(reading: Reading, item: ModelClass, donor: Donor) -> bool:
    return _PLACEHOLDER not in donor.members and not reading.before.defines(item, _PLACEHOLDER)


def _text_note(item: ModelClass) -> Note:
    return Note(
        (item.name,),
        f"vLLM asks {item.name} for the text that stands for an item in a chat",
        f"give it in {_PLACEHOLDER}(cls, modality, i), a class method; a chat template that writes"
        " it itself needs none",
    )


def _old(item: ModelClass) -> list[ast.expr]:
    """Find the decorators of the first API; one of all that has no info is one of its last."""
    found: list[ast.expr] = []
    for one in item.node.decorator_list:
        match one:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                bare = attr == _NEW and not any(each.arg == "info" for each in one.keywords)
                if name.endswith("_REGISTRY") and (attr in _OLD or bare):
                    found.append(one)
    return found


def _is_meant(reading: Reading, item: ModelClass, donor: Donor) -> bool:
    registered = [one.name for one in reading.file.classes.values() if _old(one)]
    return donor.class_name == item.name or registered == [item.name]


def _kept(donor: Donor | str) -> set[str]:
    """Name what the new code may need of the file."""
    if isinstance(donor, str):
        return set()
    code = (donor.decorator.removeprefix("@"), *donor.helpers.values(), *donor.members.values())
    return {name for one in code for name in names_of(one)} - set(donor.helpers)


def _theirs(
    reading: Reading, old: Sequence[ast.expr], needed: Collection[str]
) -> Iterator[ast.stmt]:
    """Find the functions, classes and constants that nothing but the decorators needs."""
    defined = {name: one for one in reading.tree.body for name in _defines(one)}
    uses = {name: _names(one) & set(defined) for name, one in defined.items()}
    theirs = {name for one in old for name in _names(one)} & set(defined)
    left = set(theirs)
    while left:
        more = {used for name in left for used in uses[name]} - theirs
        theirs, left = theirs | more, more
    theirs -= set(needed)
    while kept := {name for name in theirs if _is_used(reading, defined[name], name, theirs, old)}:
        theirs -= kept
    return (one for one in reading.tree.body if _defines(one) and theirs >= set(_defines(one)))


def _is_used(
    reading: Reading,
    node: ast.stmt,
    name: str,
    theirs: Collection[str],
    old: Sequence[ast.expr],
) -> bool:
    """Tell whether something that stays names it."""
    gone = {id(part) for one in old for part in ast.walk(one)}
    for one in reading.tree.body:
        if one is not node and not set(_defines(one)) & set(theirs):
            for part in ast.walk(one):
                if _mentions(part, name) and id(part) not in gone:
                    return True
    return False


def _mentions(part: ast.AST, name: str) -> bool:
    text = isinstance(part, ast.Constant) and part.value == name
    return text or (isinstance(part, ast.Name) and part.id == name)


def _defines(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [one.id for one in targets if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _clash(reading: Reading, found: _Registered, donor: Donor) -> str:
    own = {name for one in reading.tree.body if one not in found.theirs for name in _defines(one)}
    own |= {one.bound for one in reading.file.imports}
    return next((name for name in donor.helpers if name in own), "")


def _put(reading: Reading, found: _Registered, donor: Donor, edits: Edits) -> None:
    item = found.item
    drop_statements(reading, found.theirs, edits)
    start = end = reading.line_start(reading.span(item.node)[0])
    for one in found.decorators:
        below = reading.next_line(reading.span(one)[1])
        if one is item.node.decorator_list[0]:
            end = below
        else:
            edits.put(reading.line_start(reading.span(one)[0]), below, "")
    above = _above_comments(reading, start)
    helpers = "".join(f"{one.rstrip()}\n\n\n" for one in donor.helpers.values())
    edits.put(above, end, f"{helpers}{reading.text[above:start]}{donor.decorator}\n")
    put = [donor.decorator.removeprefix("@"), *donor.helpers.values()]
    if _PLACEHOLDER in donor.members and not reading.before.defines(item, _PLACEHOLDER):
        code = donor.members[_PLACEHOLDER]
        put_method(reading, item, code, edits, before=first_method(item))
        put.append(code)
    edits.imports += donor.imports_of(put)


def _above_comments(reading: Reading, place: int) -> int:
    """Give where the comments right above a line begin."""
    while place:
        above = reading.line_start(place - 1)
        if not reading.text[above:place].startswith("#"):
            break
        place = above
    return place


def _note(found: _Registered, why: str) -> Note:
    names = ", ".join(
        one.func.attr
        for one in found.decorators
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    )
    return Note(
        (found.item.name,),
        f"{names}: what processes items is one class now, and {why}",
        "name the model with --model; or write a BaseProcessingInfo, a BaseDummyInputsBuilder and a"
        " BaseMultiModalProcessor, and put @MULTIMODAL_REGISTRY.register_processor(Processor,"
        " info=Info, dummy_inputs=DummyInputs) in the place of the decorators",
    )


CODEMOD = Codemod(
    id="register-processor",
    summary="One processor is registered in the place of mappers and functions of inputs",
    since="0.8.5",
    instead="@MULTIMODAL_REGISTRY.register_processor(Processor, info=…, dummy_inputs=…)",
    reference="MultiModalRegistry.register_processor",
    risk="review",
    apply=_apply,
)
