"""What processes a class's images, as far as a file of the first multimodal API says it.

HF's processor makes the tensors and counts the tokens; of the file come the token that
stands for a feature, the fields that the class takes, the size of dummy images, and how
placeholders are numbered. A file that does more than that to its prompts is left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from mmport.codemods.migrate.donor import Donor
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.trio import Trio
from mmport.usage.source import ModelClass
from mmport.vllm_api.changes import reaches
from mmport.vllm_api.surface.stubs import FunctionNode

_SINCE = "0.31.0"
"""The release whose hooks the code is written for."""
_IMAGE_MAPPER, _INPUTS = "register_image_input_mapper", "register_input_processor"
_DUMMY = "register_dummy_data"
_REPEATS = re.compile(r"(repeat_and_pad_\w*token\w*|input_processor_for_\w+)")


def derived(reading: Reading, item: ModelClass, old: Sequence[ast.expr]) -> Donor | str:
    """Write what processes a class's images; or say why that cannot be told from the file."""
    registered = dict(_registered(old))
    token = _token(item)
    fields = _fields(item)
    inputs = _closure(reading, registered.get(_INPUTS))
    if not reaches(reading.target, _SINCE):
        return f"that can be written from a file for {_SINCE} and later alone"
    if set(registered) & {"register_input_mapper", "register_max_multimodal_tokens"}:
        return "only a port of the model knows how media other than images are processed"
    if "register_processor" in registered:
        return "a processor of before 0.7.0 says in other hooks what a port's says, and has no info"
    if registered.get(_IMAGE_MAPPER, "") is not None or not fields:
        return "the class has its images processed by a function of its own"
    if token is None or not _repeats(inputs):
        return "the file does not say that a token is repeated for the features of an image"
    stem = re.sub(r"For(ConditionalGeneration|CausalLM)$", "", item.name)
    count, number = _counter(reading, inputs), _numbered(inputs)
    if number and not count:
        return "its placeholders are numbered, and the features of an image cannot be counted"
    size = _dummy_size(_closure(reading, registered.get(_DUMMY)))
    if size is None:
        return "how large an image has the most features is computed"
    return Trio(stem, token, tuple(fields), count, number, *size).donor(item.name)


def _registered(old: Sequence[ast.expr]) -> Iterator[tuple[str, ast.expr | None]]:
    for one in old:
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            yield one.func.attr, one.args[-1] if one.args else None


def _closure(reading: Reading, start: ast.expr | None) -> tuple[FunctionNode, ...]:
    """Give a function of the file and those of the file that it calls."""
    functions = {one.name: one for one in reading.tree.body if isinstance(one, FunctionNode)}
    left = [start.id] if isinstance(start, ast.Name) else []
    found: dict[str, FunctionNode] = {}
    while left:
        name = left.pop()
        if name in functions and name not in found:
            found[name] = functions[name]
            left += [one.id for one in ast.walk(functions[name]) if isinstance(one, ast.Name)]
    return tuple(found.values())


def _repeats(functions: Sequence[FunctionNode]) -> bool:
    return any(_REPEATS.fullmatch(_called(one)) for one in _calls(functions))


def _calls(functions: Sequence[FunctionNode]) -> Iterator[ast.Call]:
    for function in functions:
        yield from (one for one in ast.walk(function) if isinstance(one, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _token(item: ModelClass) -> str | None:
    """Say how the info of a class knows the token that features take the place of."""
    for method in item.methods.values():
        for part in ast.walk(method):
            match part:
                case ast.Call(func=ast.Name(id="merge_multimodal_embeddings"), args=[*_, token]):
                    return _as_info_has_it(item, token)
                case ast.Call(func=ast.Name(id="embed_multimodal"), args=[_, token, _, _]):
                    return _as_info_has_it(item, token)
    return None


def _as_info_has_it(item: ModelClass, token: ast.expr) -> str | None:
    match token:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="config"), attr=a):
            return f"self.get_hf_config().{a}"
        case ast.Name(id=name) if name.isupper():
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            for part in ast.walk(item.methods["__init__"]):
                match part:
                    case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                        if name == attr:
                            return _as_info_has_it(item, _of_self(value))
    return None


def _of_self(value: ast.expr) -> ast.expr:
    """Read `config.x` of a constructor as `self.config.x`."""
    match value:
        case ast.Attribute(value=ast.Name(id="config"), attr=attr):
            held = ast.Attribute(ast.Name("self", ast.Load()), "config", ast.Load())
            return ast.Attribute(held, attr, ast.Load())
    return value


def _fields(item: ModelClass) -> list[str]:
    """Name what a class takes out of its keywords, in its order."""
    found: dict[str, None] = {}
    for method in item.methods.values():
        kwarg = method.args.kwarg.arg if method.args.kwarg else ""
        for part in ast.walk(method):
            match part:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=owner), attr="pop" | "get"),
                    args=[ast.Constant(value=str() as name), *_],
                ) if owner == kwarg:
                    found[name] = None
    return list(found)


def _counter(reading: Reading, functions: Sequence[FunctionNode]) -> str:
    """Say how a function of the file counts the features of an image by its size alone."""
    for call in _calls(functions):
        named = {one.arg: one.value for one in call.keywords}
        if {"input_width", "input_height"} <= set(named) and len(call.args) == 1:
            own = _closure(reading, call.func)
            if not own or not all(_lives(reading, one) for one in own):
                continue
            source = _source(functions, call.args[0])
            more = {
                str(one.arg): "None"
                for one in call.keywords
                if one.arg not in ("input_width", "input_height")
            }
            given = {"input_width": "image_width", "input_height": "image_height", **more}
            if source and set(more.values()) <= {"None"}:
                listed = "".join(f"            {key}={value},\n" for key, value in given.items())
                return f"{_called(call)}(\n            {source},\n{listed}        )"
    return ""


def _lives(reading: Reading, function: FunctionNode) -> bool:
    """Tell whether the release has all that a function uses of vLLM."""
    for part in ast.walk(function):
        if isinstance(part, ast.Name):
            item = reading.file.imported(part.id)
            if item is not None and reading.after.meant(item) is None:
                return False
    return True


def _source(functions: Sequence[FunctionNode], given: ast.expr) -> str:
    """Say where the info of a class has what a context was asked for."""
    for function in functions:
        for part in ast.walk(function):
            match part:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(func=ast.Attribute(value=ast.Name(id="ctx"), attr=attr)),
                ) if isinstance(given, ast.Name) and name == given.id:
                    if attr in ("get_hf_config", "get_hf_image_processor_config"):
                        return f"self.ctx.{attr}()"
    return ""


def _numbered(functions: Sequence[FunctionNode]) -> tuple[str, str] | None:
    """Give what stands before and after the number in a placeholder that has one."""
    for function in functions:
        for part in ast.walk(function):
            match part:
                case ast.JoinedStr(
                    values=[
                        ast.Constant(value=str() as before),
                        ast.FormattedValue(value=ast.Name()),
                        ast.Constant(value=str() as after),
                    ]
                ) if before.startswith("<") and after.endswith(">"):
                    return before, after
    return None


def _dummy_size(functions: Sequence[FunctionNode]) -> tuple[str, str] | None:
    """Give the size of dummy images, by name or that of the encoder; None if it is computed."""
    size = "self.info.get_hf_config().vision_config.image_size"
    for call in _calls(functions):
        named = {one.arg: one.value for one in call.keywords}
        sides = [named.get(f"image_{side}_override") for side in ("width", "height")]
        match sides:
            case [ast.Name(id=width), ast.Name(id=height)] if width.isupper() and height.isupper():
                return width, height
            case [ast.expr(), _] | [_, ast.expr()]:
                return None
    return size, size
