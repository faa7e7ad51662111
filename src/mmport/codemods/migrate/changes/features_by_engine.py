"""The engine asks a model for features and merges them: `forward` does neither itself."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_statements, own_nodes, put_method, with_comments
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_EMBEDS, _IDS, _PARTS = "inputs_embeds", "input_ids", "intermediate_tensors"
_MERGE = "merge_multimodal_embeddings"
_FEATURES, _EMBED = "get_multimodal_embeddings", "get_input_embeddings"
_MADE = ("embed_multimodal", _FEATURES)


@dataclass(frozen=True, slots=True)
class _Merging:
    """What `forward` does to have features among its embeddings.

    `parsing` comes before `branch`, which is there if there are media. Of what is in the
    branch `making` makes the features, `embedding` those of the text, `merge` joins them.
    """

    parsing: tuple[ast.stmt, ...]
    branch: ast.If
    making: tuple[ast.stmt, ...]
    embedding: ast.expr
    merge: ast.Call
    outer: ast.If | None

    @property
    def parsed(self) -> str:
        """What holds the media."""
        match self.branch.test:
            case ast.Compare(left=ast.Name(id=name)):
                return name
        return ""

    @property
    def statements(self) -> list[ast.stmt]:
        """All of it."""
        return [*self.parsing, self.branch]


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        method = item.methods.get("forward")
        if method is None or any(reading.before.defines(item, name) for name in _MADE):
            continue
        merges = [one for one in own_nodes(method) if _is_merge(one)]
        found = _merging(method)
        if found is not None and len(merges) == 1 and _stands_alone(reading, method, found):
            _move(reading, item, method, found, edits)
        else:
            edits.notes.append(_note(item, several=len(merges) > 1))
    return edits


def _is_merge(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            return name == _MERGE and len(args) + len(keywords) == 4
    return False


def _merging(method: FunctionNode) -> _Merging | None:
    """Find where features are merged: at the top of `forward`, or on the first of its ranks."""
    for node in method.body:
        if isinstance(node, ast.If) and node.orelse and _compares(node.test, _PARTS):
            return _within(node.orelse, node)
    return _within(method.body, None)


def _compares(test: ast.expr, name: str) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id=left), ops=[ast.IsNot()], comparators=[ast.Constant()]):
            return not name or left == name
    return False


def _within(body: Sequence[ast.stmt], outer: ast.If | None) -> _Merging | None:
    for place, node in enumerate(body):
        if not isinstance(node, ast.If) or not _compares(node.test, ""):
            continue
        embedding, merge, making = None, None, []
        for one in node.body:
            match one:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == _EMBEDS:
                    if _is_merge(value):
                        merge = value
                    else:
                        embedding = value
                case ast.Assign(targets=[ast.Name(id=name)]) if name == _IDS:
                    pass
                case _:
                    making.append(one)
        if embedding is not None and isinstance(merge, ast.Call):
            parsing = _parsing(body[:place], node)
            rest = body[:place] if outer else ()
            if outer is None or len(parsing) == len(rest):
                return _Merging(tuple(parsing), node, tuple(making), embedding, merge, outer)
    return None


def _parsing(above: Sequence[ast.stmt], branch: ast.If) -> list[ast.stmt]:
    """Find what makes the media that a branch asks for."""
    name = (
        branch.test.left.id
        if isinstance(branch.test, ast.Compare) and isinstance(branch.test.left, ast.Name)
        else ""
    )
    found: list[ast.stmt] = []
    for one in above:
        match one:
            case ast.Assign(targets=[ast.Name(id=target)]) if target == name:
                found.append(one)
    return found


def _stands_alone(reading: Reading, method: FunctionNode, found: _Merging) -> bool:
    """Tell whether each part can be a method: it reads nothing that only `forward` has."""
    own = {one.arg for one in (*method.args.args, *method.args.kwonlyargs)} - {"self"}
    own |= {
        one.id
        for one in own_nodes(method)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    made = {found.parsed} | _set(found.making)
    features, token = _given(found.merge, 2), _given(found.merge, 3)
    if features is None or token is None:
        return False
    before = _read((*found.parsing, *found.making, features)) & own
    return (
        bool(found.parsed)
        and before <= made
        and _read((found.embedding, token)) & own <= {_IDS}
        and not _read([one for one in method.body if one is not found.outer]) & _set(found.making)
    )


def _given(merge: ast.Call, place: int) -> ast.expr | None:
    order = (_IDS, _EMBEDS, "multimodal_embeddings", "placeholder_token_id")
    if place < len(merge.args):
        return merge.args[place]
    return next((one.value for one in merge.keywords if one.arg == order[place]), None)


def _set(nodes: Sequence[ast.AST]) -> set[str]:
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def _read(nodes: Sequence[ast.AST]) -> set[str]:
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def _move(
    reading: Reading, item: ModelClass, method: FunctionNode, found: _Merging, edits: Edits
) -> None:
    features, token = _given(found.merge, 2), _given(found.merge, 3)
    assert features is not None  # noqa: S101 - it was looked at
    assert token is not None  # noqa: S101
    code = _METHODS.format(
        parsing=_lines(reading, found.parsing),
        parsed=found.parsed,
        making=_given_back(reading, found.making, features),
        embedding=_flat(reading, found.embedding),
        token=reading.code(token),
    )
    put_method(reading, item, code.replace("\n\n\n", "\n\n"), edits, before=method)
    if found.outer is not None:
        start, end = reading.span(found.outer)
        indent = reading.indent(found.outer)
        edits.put(start, end, f"if {_PARTS} is not None:\n{indent}    {_EMBEDS} = None")
    else:
        drop_statements(reading, found.statements, edits)
    _with_embeddings(reading, method, edits)
    edits.imports.append(Imported("torch", "", "torch"))
    edits.need("vllm.model_executor.models.interfaces", "MultiModalEmbeddings")


_METHODS = f"""
def {_FEATURES}(self, **kwargs: object) -> MultiModalEmbeddings:
{{parsing}}
    if {{parsed}} is None:
        return []

{{making}}

def {_EMBED}(
    self,
    input_ids: torch.Tensor,
    multimodal_embeddings: MultiModalEmbeddings | None = None,
) -> torch.Tensor:
    inputs_embeds = {{embedding}}
    if multimodal_embeddings is not None and len(multimodal_embeddings) != 0:
        inputs_embeds = {_MERGE}(
            input_ids, inputs_embeds, multimodal_embeddings, {{token}}
        )
    return inputs_embeds
"""


def _lines(reading: Reading, nodes: Sequence[ast.stmt]) -> str:
    """Give statements with the comments above them, one level deep."""
    text = "".join(with_comments(reading, one) for one in nodes)
    return textwrap.indent(textwrap.dedent(text), "    ").rstrip("\n")


def _given_back(reading: Reading, making: Sequence[ast.stmt], features: ast.expr) -> str:
    """Give what makes features, and return them: at once where they are made last."""
    code = reading.code(features)
    match making[-1:]:
        case [ast.Assign(targets=[ast.Name(id=name)]) as last] if name == code:
            made = _lines(reading, [last]).replace(f"{name} =", "return", 1)
            return f"{_lines(reading, making[:-1])}\n{made}".lstrip("\n")
    return f"{_lines(reading, making)}\n    return {code}".lstrip("\n")


def _flat(reading: Reading, node: ast.expr) -> str:
    code = reading.code(node)
    return code if "\n" not in code else ast.unparse(node)


def _with_embeddings(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    """Have `forward` be given embeddings."""
    arguments = method.args
    if any(one.arg == _EMBEDS for one in arguments.args):
        return
    last = arguments.args[-1]
    end = reading.span(last)[1]
    default = ""
    if arguments.defaults:
        end = reading.span(arguments.defaults[-1])[1]
    elif last.arg == _PARTS:
        default = " = None"
    broken = last.lineno != arguments.args[-2].lineno
    between = ",\n" + " " * last.col_offset if broken else ", "
    annotated = ": torch.Tensor | None = " if last.annotation else "="
    edits.put(end, end, f"{default}{between}{_EMBEDS}{annotated}None")


def _note(item: ModelClass, *, several: bool) -> Note:
    why = "features of several kinds" if several else "features by a way of its own"
    return Note(
        (item.name, "forward"),
        f"forward makes and merges {why}, which the engine asks for before it calls forward",
        "give the features in embed_multimodal, one tensor an item, and put them into the"
        " embeddings of the text in embed_input_ids",
    )


CODEMOD = Codemod(
    id="features-by-engine",
    summary="Features are made in a method of their own and merged in another, not in forward",
    since="0.6.5",
    instead=f"{_FEATURES}(**kwargs), {_EMBED}(input_ids, multimodal_embeddings)",
    reference="SupportsMultiModal.embed_multimodal, SupportsMultiModal.embed_input_ids",
    risk="review",
    apply=_apply,
)
