"""What a processor's source says of the items that it takes: placeholders and expansion."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property

from mmport.anatomy.classes import (
    ModelClass,
    entries,
    find_class,
    names,
    own_attribute,
    own_attributes,
)
from mmport.anatomy.processor.beside import changes_beside
from mmport.anatomy.processor.searched import (
    Searched,
    modality_of,
    module_functions,
    own_lineage,
    searched_tokens,
)
from mmport.anatomy.processor.texts import (
    appended,
    counters,
    formatted,
    frames_text,
    mixes,
    run_around,
    unconditional_texts,
)
from mmport.anatomy.processor.token_ids import replaced_ids
from mmport.core.source_tree import SourceTree
from mmport.model.spec import ARGUMENTS, Counted, ItemProcessing, Modality, Written

_PARTS: dict[Modality, tuple[str, ...]] = {
    "image": ("image_processor",),
    "video": ("video_processor", "image_processor"),
    "audio": ("feature_extractor", "audio_processor"),
}
"""What the parts of a processor are called, by the modality that they are for."""


def read_processing(
    tree: SourceTree,
    module: str,
    class_name: str,
    modality: Modality = "image",
) -> ItemProcessing | None:
    """Read how a processor takes the items of a modality.

    Args:
        tree: where its module is found.
        module: that defines the class.
        class_name: of the processor.
        modality: of the items.

    Returns:
        None if there is no such class, or it fails on such items by itself.
    """
    found = find_class(tree, module, class_name)
    reader = _Reader(found, modality) if found is not None else None
    return None if reader is None or reader.lacks_metadata() else reader.item()


class _Reader:
    """The reading of one processor class for one modality."""

    def __init__(self, found: ModelClass, modality: Modality) -> None:
        self.found = found
        self.modality = modality

    def item(self) -> ItemProcessing:
        """Say how items are taken."""
        written, token = self._written()
        if written == "placeholder" and changes_beside(self._methods):
            written = "rewritten"
        prefix, suffix = self._around(token)
        return ItemProcessing(
            modality=self.modality,
            written=written,
            placeholder=token,
            prefix=prefix,
            suffix=suffix,
            counted=self._counted(),
            numbered=any(map(self._numbers, self._methods)),
            framed=written != "rewritten" and self._frames(),
            special_tokens=self._default("text_kwargs", "add_special_tokens") is not False,
            part=self._part(),
            unused=tuple(sorted(self._unused())),
            nested=self._nested(),
        )

    def lacks_metadata(self) -> bool:
        """Tell whether it wants to know of items what its own part does not return unasked."""
        kinds = f"{self.modality}s_kwargs"
        wanted = f"{self.modality}_metadata" in entries(self._replacing or ast.Pass())
        return wanted and self._default(kinds, "return_metadata") is not True

    @cached_property
    def _methods(self) -> tuple[ast.FunctionDef, ...]:
        """The methods that can run: of the class, and of its bases where they are reached."""
        found: dict[str, list[ast.FunctionDef]] = {}
        for item in own_lineage(self.found):
            for node in item.node.body:
                if isinstance(node, ast.FunctionDef):
                    nearer = found.setdefault(node.name, [])
                    if not nearer or _calls_base(nearer[-1]):
                        nearer.append(node)
        return tuple(node for nodes in found.values() for node in nodes)

    def _method(self, name: str) -> ast.FunctionDef | None:
        return next((node for node in self._methods if node.name == name), None)

    @property
    def _replacing(self) -> ast.FunctionDef | None:
        """What gives the text of an item in transformers 5's way of expanding."""
        return self._method(f"replace_{self.modality}_token")

    def _written(self) -> tuple[Written, str]:
        own = f"processor.{self.modality}_token"
        if self._replacing is not None:
            if _returns_only(self._replacing, f"{self.modality}_token"):
                return "tokens", own
            if self._puts_token_itself():
                return "nothing", ""
            searched = self._searched(self._finding)
            return "placeholder", searched[0].expression if searched else own
        searched = self._searched((*self._methods, *module_functions(self.found)))
        if searched and searched[0].replaced:
            return "placeholder", searched[0].expression
        if self._puts_token_itself():
            return "nothing", ""
        among_ids = replaced_ids(self.found, self._methods)
        if token := next((one for one in among_ids if modality_of(one) == self.modality), ""):
            return "placeholder", token
        return "tokens", ""

    @property
    def _finding(self) -> tuple[ast.FunctionDef, ...]:
        """What finds the placeholders of transformers 5's way, if it is the processor's own.

        One that leaves them to its base looks for something else besides.
        """
        method = self._method("get_text_with_replacements")
        return () if method is None or _calls_base(method) else (method,)

    def _searched(self, methods: Sequence[ast.FunctionDef]) -> list[Searched]:
        """The tokens of the modality that methods look for in texts, most telling first."""
        found = searched_tokens(self.found, methods)
        return [one for one in found if one.modality == self.modality]

    def _puts_token_itself(self) -> bool:
        """Tell whether the processor writes an item's tokens beside the text that it is given."""
        token = f"{self.modality}_token"
        return any(
            token in own_attributes(made) and mixes(made, node)
            for node in self._methods
            if node.name in ("__call__", "prepare_inputs_layout")
            for made in unconditional_texts(node, token)
        )

    def _around(self, token: str) -> tuple[str, str]:
        """Read from the refusal of a text how the placeholder has to be written."""
        own = token.removeprefix("processor.")
        for node in (part for method in self._methods for part in ast.walk(method)):
            if not isinstance(node, ast.Raise):
                continue
            for text in (part for part in ast.walk(node) if isinstance(part, ast.JoinedStr)):
                run = run_around(text, own)
                if len(run) > 1:
                    place = run.index(own)
                    return _joined(run[:place]), _joined(run[place + 1 :])
        return "", ""

    def _counted(self) -> Counted:
        if self.modality == "video":
            return "asked"  # what the processors' own methods say does not hold for all clips
        replacing = self._replacing
        if replacing is not None:
            inputs = [argument.arg for argument in replacing.args.args[1:2]]
            options = [replacing.args.kwarg.arg] if replacing.args.kwarg else []
            used = names(ast.Module(body=replacing.body, type_ignores=[]))
            if not used & {*inputs, *options}:
                return "constant"
        counts = self._method("_get_num_multimodal_tokens")
        if counts is not None and f"{self.modality}_sizes" in _parameters(counts):
            return "method"
        return "asked"

    def _numbers(self, method: ast.FunctionDef) -> bool:
        """Tell whether a method writes the number of an item into a text."""
        if method is self._replacing:
            index = f"{self.modality}_idx"
            return any(index in names(text) for text in formatted(method))
        if method.name.startswith(("_get_num", "post_process")):
            return False
        return self._expands(method) and any(
            names(text) & counters(method) for text in formatted(method)
        )

    def _nested(self) -> bool:
        """Tell whether items are counted by prompt, and nothing puts them in lists for that."""
        argument = ARGUMENTS[self.modality]
        nodes = [node for method in self._methods for node in ast.walk(method)]
        return any(_counts_inner(node, argument) for node in nodes) and not any(
            isinstance(node, ast.Name) and node.id == argument and isinstance(node.ctx, ast.Store)
            for node in nodes
        )

    def _frames(self) -> bool:
        """Tell whether the processor writes something beside every text that it is given."""
        token = f"{self.modality}_token"
        return any(
            token not in own_attributes(made) and frames_text(made)
            for node in self._methods
            if node.name in ("__call__", "prepare_inputs_layout")
            for made in (*unconditional_texts(node, "generat"), *appended(node))
        )

    def _default(self, kind: str, name: str) -> object:
        """Read what the processor passes on where the caller says nothing."""
        for item in own_lineage(self.found):
            for node in item.node.body:
                match node:
                    case ast.Assign(
                        targets=[ast.Name(id="valid_processor_kwargs")], value=ast.Name(id=kwargs)
                    ):
                        found = find_class(self.found.tree, item.module, kwargs)
                        return _setting(found, kind, name) if found else None
        return None

    def _expands(self, method: ast.FunctionDef) -> bool:
        """Tell whether a method has to do with the whole prompt's placeholders."""
        mentioned = own_attributes(method) | names(method)
        token = f"{self.modality}_token"
        whole = ("replacements", f"{self.modality}s_replacements", "text", "texts", "prompts")
        return bool(mentioned & {token, "placeholder", "token"}) and bool(mentioned & set(whole))

    def _part(self) -> str:
        """Name the part of the processor that makes tensors, as its constructor takes it."""
        usual = _PARTS[self.modality]
        for item in own_lineage(self.found):
            for node in item.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                    taken = _parameters(node)
                    return next((part for part in usual if part in taken), usual[0])
        return usual[0]

    def _unused(self) -> Iterator[str]:
        method = self._method("unused_input_names")
        for node in ast.walk(method) if method else ():
            match node:
                case ast.Constant(value=str(name)) if name.isidentifier():
                    yield name


def _counts_inner(node: ast.AST, items: str) -> bool:
    """Tell whether an expression is like `[len(inner) for inner in items]`."""
    match node:
        case ast.ListComp(
            elt=ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=one)]),
            generators=[ast.comprehension(target=ast.Name(id=each), iter=ast.Name(id=name))],
        ):
            return one == each and name == items
    return False


def _setting(found: ModelClass, kind: str, name: str) -> object:
    """Read `_defaults[kind][name]` of a class of keyword arguments."""
    for node in (part for item in own_lineage(found) for part in item.node.body):
        match node:
            case ast.Assign(targets=[ast.Name(id="_defaults")], value=ast.Dict() as defaults):
                try:
                    kinds = ast.literal_eval(defaults)
                except ValueError:
                    return None  # a value that is no literal
                return kinds.get(kind, {}).get(name)
    return None


def _calls_base(method: ast.FunctionDef) -> bool:
    """Tell whether a method calls the one that it takes the place of."""
    for node in ast.walk(method):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name)
            ) if name == method.name:
                return True
    return False


def _returns_only(method: ast.FunctionDef, name: str) -> bool:
    """Tell whether all that a method gives is an attribute of its own."""
    returns = [node for node in ast.walk(method) if isinstance(node, ast.Return)]
    return bool(returns) and all(
        node.value is not None and own_attribute(node.value) == name for node in returns
    )


def _parameters(method: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in (*method.args.args, *method.args.kwonlyargs)}


def _joined(run: list[str]) -> str:
    return " + ".join(f"processor.{name}" for name in run)
