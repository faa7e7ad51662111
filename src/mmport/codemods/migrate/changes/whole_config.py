"""A model is made of vLLM's whole config, and hands it on to the models in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import block, comments_above
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_WHOLE = "vllm_config"
_PARTS = {
    "config": f"{_WHOLE}.model_config.hf_config",
    "multimodal_config": f"{_WHOLE}.model_config.multimodal_config",
    **{
        name: f"{_WHOLE}.{name}"
        for name in ("cache_config", "quant_config", "lora_config", "scheduler_config")
    },
}
"""What a constructor was given one by one, and where the whole config has it."""
_UTILS, _MAKER = "vllm.model_executor.models.utils", "init_vllm_registered_model"
_WIDTH = 88


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in _models(reading):
        init = item.methods["__init__"]
        unknown = [
            one.arg for one in _required(init) if one.arg not in _PARTS and one.arg != "prefix"
        ]
        if unknown:
            edits.notes.append(_note(item, unknown))
        else:
            _Constructor(reading, item, init, edits).rewrite()
    return edits


def _models(reading: Reading) -> list[ModelClass]:
    """Find the whole models, which vLLM makes: each that is built of a config and its parts."""
    return [
        item
        for item in reading.file.classes.values()
        if _is_old(item.methods.get("__init__"))
        and (reading.family(item) & {"SupportsMultiModal"} or "compute_logits" in item.methods)
    ]


def _is_old(init: FunctionNode | None) -> bool:
    if init is None:
        return False
    names = [one.arg for one in (*init.args.args, *init.args.kwonlyargs)]
    return names[1:2] == ["config"] and _WHOLE not in names


def _required(init: FunctionNode) -> list[ast.arg]:
    arguments = init.args
    without = len(arguments.args) - len(arguments.defaults)
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [*arguments.args[1:without], *(one for one, default in keyword if default is None)]


@dataclass(frozen=True)
class _Constructor:
    """A constructor that is given parts, on its way to one that is given the whole."""

    reading: Reading
    item: ModelClass
    init: FunctionNode
    edits: Edits

    def rewrite(self) -> None:
        replaced = [call for call in _calls(self.init) if self._hands_on(call)]
        within = {id(one) for call in replaced for one in ast.walk(call)}
        configs = [one for call in replaced if (one := self._config_of(call)) is not None]
        kept = {id(one) for config in configs for one in ast.walk(config)}
        used = {
            node.id
            for node in ast.walk(self.init)
            if isinstance(node, ast.Name) and (id(node) not in within or id(node) in kept)
        }
        self._signature()
        self._locals(used)
        self.edits.need("vllm.config", "VllmConfig")

    def _signature(self) -> None:
        """Put the one config in the place of the many; comments among them go above."""
        reading, arguments = self.reading, self.init.args
        stars = (one for one in _stars(arguments) if one)
        every: tuple[ast.arg, ...] = (*arguments.args, *arguments.kwonlyargs, *stars)
        defined = reading.at(self.init.lineno, self.init.col_offset)
        start = reading.text.index("(", defined) + 1
        last = max(every, key=lambda one: reading.span(one)[1])
        defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
        ends = [reading.span(last)[1], *(reading.span(one)[1] for one in defaults)]
        end = reading.text.index(")", max(ends))
        self.edits.put(start, end, f'self, *, {_WHOLE}: VllmConfig, prefix: str = ""')
        comments_above(reading, self.init, [reading.text[start:end]], self.edits)

    def _locals(self, used: set[str]) -> None:
        """Take out of the whole what the constructor speaks of."""
        lines = [
            f"{name} = {_PARTS.get(name) or self._default(name)}"
            for name in (one.arg for one in (*self.init.args.args[1:], *self.init.args.kwonlyargs))
            if name in used and name != "prefix"
        ]
        if not lines:
            return
        first = self.init.body[0]
        if _is_text(first) and len(self.init.body) > 1:
            first = self.init.body[1]
        made = block(self.reading, first, "\n".join(lines))
        if _is_plain_super(first):
            end = self.reading.span(first)[1]
            self.edits.put(end, end, f"\n\n{made}")
        else:
            start = self.reading.line_start(self.reading.span(first)[0])
            self.edits.put(start, start, f"{made}\n\n")

    def _default(self, name: str) -> str:
        arguments = self.init.args
        pairs = dict(
            zip(
                (one.arg for one in arguments.args[-len(arguments.defaults) :]),
                arguments.defaults,
                strict=False,
            )
        )
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        pairs |= {one.arg: default for one, default in named if default is not None}
        return self.reading.code(pairs[name])

    def _hands_on(self, call: ast.Call) -> bool:
        """Have a model that is made in this one be given the whole config too."""
        if _WHOLE in {one.arg for one in call.keywords}:
            return False
        own = self._config_of(call)
        config = self.reading.code(own) if own is not None else ""
        prefix = f'prefix=maybe_prefix(prefix, "{self._attribute(call)}")'
        if _is_super(call):
            if not self._above_is_new():
                return False
            self._put(call, [f"{_WHOLE}={_WHOLE}", "prefix=prefix"])
        elif isinstance(call.func, ast.Name) and call.func.id == _MAKER:
            kept = [self.reading.code(one) for one in call.keywords if one.arg == "architectures"]
            given = [f"hf_config={config}"] if config else []
            self._put(call, [f"{_WHOLE}={_WHOLE}", *given, prefix, *kept])
        elif self._is_model(call.func):
            whole = f"{_WHOLE}.with_hf_config({config})" if config else _WHOLE
            self._put(call, [f"{_WHOLE}={whole}", prefix])
        else:
            return False
        if not _is_super(call):
            self.edits.need(_UTILS, "maybe_prefix")
        return True

    def _config_of(self, call: ast.Call) -> ast.expr | None:
        """Find the config of its own that a model in this one is made of, if it has one."""
        if _is_super(call):
            return None
        named = (one.value for one in call.keywords if one.arg in ("config", "hf_config"))
        found = next(iter(call.args), None) or next(named, None)
        return None if isinstance(found, ast.Name) and found.id == "config" else found

    def _above_is_new(self) -> bool:
        local = [one.name for one in self.reading.local_parents(self.item)]
        converted = {one.name for one in _models(self.reading)}
        return bool(converted & set(local)) or self.reading.inherits_model(self.item)

    def _is_model(self, called: ast.expr) -> bool:
        """Tell a class that is made of the whole config."""
        if isinstance(called, ast.Name) and called.id in self.reading.file.classes:
            return called.id in {one.name for one in _models(self.reading)}
        found = self.reading.after.of(called)
        if not found.known:
            return False
        wanted = self.reading.after.called(found) if found.is_class else None
        return wanted is not None and _WHOLE in wanted.names

    def _attribute(self, call: ast.Call) -> str:
        """Name the attribute that a call's result goes to."""
        for node in ast.walk(self.init):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=value):
                    if any(one is call for one in ast.walk(value)):
                        return attr
        return "language_model"

    def _put(self, call: ast.Call, arguments: list[str]) -> None:
        func = self.reading.code(call.func)
        indent = self.reading.indent_of(call.lineno)
        text = f"{func}({', '.join(arguments)})"
        if len(text) + call.col_offset > _WIDTH:
            inner = f"\n{indent}    "
            text = f"{func}({''.join(f'{inner}{one},' for one in arguments)}\n{indent})"
        self.edits.put(*self.reading.span(call), text)


def _calls(init: FunctionNode) -> Iterator[ast.Call]:
    return (node for node in ast.walk(init) if isinstance(node, ast.Call))


def _stars(arguments: ast.arguments) -> tuple[ast.arg | None, ast.arg | None]:
    return arguments.vararg, arguments.kwarg


def _is_super(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return bool(call.args or call.keywords)
    return False


def _is_plain_super(node: ast.stmt) -> bool:
    return ast.unparse(node) == "super().__init__()"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _note(item: ModelClass, unknown: list[str]) -> Note:
    return Note(
        (item.name, "__init__"),
        f"{item.name} is made of {', '.join(unknown)}, which vLLM gives to no model",
        f"make it of {_WHOLE}: VllmConfig and prefix alone",
    )


CODEMOD = Codemod(
    id="whole-config",
    summary="A model is made of vllm_config and prefix, and hands them on to the models in it",
    since="0.6.4",
    instead='__init__(self, *, vllm_config: VllmConfig, prefix: str = "")',
    reference="VllmModel.__init__",
    risk="review",
    apply=_apply,
)
