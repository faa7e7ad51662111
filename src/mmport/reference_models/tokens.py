"""Which special tokens a family needs, read from its processor's source, and their ids."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mmport.inspection import hf_library
from mmport.reference_models.facts import FamilyFacts, sizes

PAD = "<pad>"
_TOKEN = re.compile(r"<\|?[^<>\s|{}]+\|?>|\[/?[A-Z][A-Z_]*\]|<\|[^<>\s{}]+\|>")
_ORDINARY = frozenset(
    {"bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"}
)
_FIRST = ("image_token", "audio_token", "video_token")


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Tokens in the order of their ids.

    `attributes` are the names by which a tokenizer gives some of them; `words`
    are tokens that are not special.
    """

    tokens: tuple[str, ...]
    attributes: dict[str, str]
    words: tuple[str, ...]
    begun: bool = False
    """Whether another than the tokenizer begins a prompt."""
    any_case: bool = False
    """Whether `img_context` is the name of `<IMG_CONTEXT>`, as it is in hub repos."""

    @property
    def ids(self) -> dict[str, int]:
        """The id of each, padding included, after those of the trained vocabulary."""
        first = sizes().vocabulary.trained
        everything = (*self.tokens, *self.words, PAD)
        return {token: first + place for place, token in enumerate(everything)}

    @property
    def rows(self) -> int:
        """How many rows of embeddings the vocabulary needs, with some to spare."""
        step = sizes().vocabulary.rows
        wanted = sizes().vocabulary.trained + len(self.ids) + 1
        return max(8 * step, -(-wanted // step) * step)

    def named(self, name: str) -> str | None:
        """Find the token that a config calls `name` in `name_token_id` or the like."""
        if f"{name}_token" in self.attributes:
            return self.attributes[f"{name}_token"]
        bare = {re.sub(r"\W", "", token): token for token in reversed(self.tokens)}
        if name not in bare and self.any_case:
            return {word.lower(): token for word, token in bare.items()}.get(name.lower())
        return bare.get(name)


def find_tokens(
    family: FamilyFacts,
    config_values: Iterable[dict[str, Any]],
    own_processor: ast.Module | None = None,
) -> SpecialTokens:
    """Gather the special tokens of a family.

    Args:
        family: names some itself.
        config_values: of each config whose keys name tokens by id.
        own_processor: the source of the repo's own processor, if it brings one.
    """
    attributes: dict[str, str] = {}
    others: dict[str, None] = {}
    begun = not family.tokens.begins
    tree = own_processor or hf_library.processor_source(
        family.model_types[0], family.processor.class_name
    )
    if tree is not None:
        attributes, others = _attributes(tree), dict.fromkeys(_constants(tree))
        begun |= any(getattr(node, "attr", "") == "bos_token" for node in ast.walk(tree))
    attributes |= family.tokens.attributes
    ordered = [*family.tokens.first]
    ordered += [attributes[name] for name in _FIRST if name in attributes]
    ordered += [*attributes.values(), *family.tokens.ids.values(), *others, *family.tokens.others]
    found = SpecialTokens(_distinct(ordered, family), attributes, family.tokens.words, begun)
    found = replace(found, any_case=own_processor is not None)
    written = replace(found, tokens=tuple(_written(family)))
    named = [
        written.named(name) or f"<{name}>"
        for values in config_values
        for name in token_keys(values).values()
        if found.named(name) is None
    ]
    return replace(found, tokens=_distinct([*found.tokens, *named], family))


def _written(family: FamilyFacts) -> Iterator[str]:
    """Find the tokens that a user writes with an item, or around it."""
    for item in family.items.values():
        yield from _TOKEN.findall(item.prompt or "")


def token_keys(values: dict[str, Any]) -> dict[str, str]:
    """Find the keys that hold a special token's id, with what each calls the token."""
    names = {
        key: re.sub(r"_(token_)?(id|index)$", "", key)
        for key, value in values.items()
        if re.search(r"_token_(id|index)$|^(im|image|video|audio)_\w+_id$", key)
        and isinstance(value, int)
    }
    return {key: name for key, name in names.items() if f"{name}_token" not in _ORDINARY}


def _distinct(tokens: Iterable[str], family: FamilyFacts) -> tuple[str, ...]:
    words = {*family.tokens.words, "<s>", "</s>", "<unk>", PAD}
    return tuple(token for token in dict.fromkeys(tokens) if token not in words)


def _attributes(tree: ast.AST) -> dict[str, str]:
    """Find what a processor asks its tokenizer for, and the token that goes with each name.

    A name with no token beside it in the source gets one that is made of it.
    """
    asked = {
        node.attr.removesuffix("_id")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_tokenizer(node.value)
    }
    # What a processor looks for first it can do without.
    looked_for = {
        argument.value.removesuffix("_id")
        for call in _calls(tree, "getattr", "hasattr")
        if _is_tokenizer(call.args[0])
        for argument in call.args[1:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    given = dict(_defaults(tree))
    names = sorted(name for name in asked - looked_for if name.endswith("_token"))
    return {
        name: given.get(name, f"<{name.removesuffix('_token')}>")
        for name in names
        if name not in _ORDINARY
    }


def _is_tokenizer(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "tokenizer"


def _calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node


def _defaults(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Pairs of a name ending in `_token` and the one token that its statement holds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            values = [*node.args.defaults, *node.args.kw_defaults]
            for argument, value in zip(reversed(arguments), reversed(values), strict=False):
                if value is not None and (tokens := list(_constants(value))):
                    yield argument.arg, tokens[0]
        elif isinstance(node, ast.Assign):
            tokens = list(_constants(node.value))
            for target in node.targets:
                if isinstance(target, ast.Attribute) and len(tokens) == 1:
                    yield target.attr, tokens[0]


def _constants(tree: ast.AST) -> Iterator[str]:
    """Every string that is one special token; docstrings hold more than that."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _TOKEN.fullmatch(node.value)
        ):
            yield node.value
