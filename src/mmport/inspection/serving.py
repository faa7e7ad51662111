"""Which architectures of vLLM serve a text model: by name, by what it computes, by backend."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from mmport.anatomy.classes import ModelClass, find_class
from mmport.anatomy.decoder.decoders import Outline, outline
from mmport.anatomy.decoder.settled import ConfigView
from mmport.core.jsonable import from_json
from mmport.inspection import hf_library
from mmport.inspection.likeness import Alike, alike
from mmport.model.spec import Setting, TextCandidate, TextValue
from mmport.vllm_api.catalog import Catalog

_CAUSAL = "ForCausalLM"
_OWN = "its class is the repo's own"
_BACKEND = "TransformersForCausalLM"
_BACKEND_OF_EXPERTS = "TransformersMoEForCausalLM"
_TOP_K = ("num_experts_per_tok", "top_k")
_ATTENDING = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
_CROSS = frozenset({"cross_attention_states", "encoder_hidden_states", "image_hidden_states"})


class Text:
    """A text config and what transformers, or the model's own source, has for it.

    Args:
        config: the text config, as transformers built it.
        decoder: the decoder's class; None to look for it in transformers.
        vlm: the architecture of the whole.
        aside: attributes of the decoder that are no part of the language model.
    """

    def __init__(
        self,
        config: Any,
        decoder: ModelClass | None = None,
        vlm: str = "",
        aside: frozenset[str] = frozenset(),
    ) -> None:
        self.config = config
        self.given = decoder
        self.vlm = vlm
        self.aside = aside
        self.model_type = str(getattr(config, "model_type", ""))

    @cached_property
    def stated(self) -> str | None:
        """The one architecture that the config itself names."""
        names = getattr(self.config, "architectures", None)
        if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
            return names[0] if names[0].isascii() and names[0].isidentifier() else None
        return None

    @cached_property
    def named(self) -> str | None:
        """The causal-LM class that transformers builds for the model type."""
        return hf_library.causal_lm_architecture(self.model_type)

    @property
    def architecture(self) -> str | None:
        """The causal-LM class, by transformers or else by the config.

        A list in the config is asked only where transformers has none: it is
        often a leftover of the model that the weights were taken from.
        """
        return self.named or self.stated

    @cached_property
    def decoder(self) -> ModelClass | None:
        """The class of the decoder."""
        return self.given or _annotated(self.config) or _mapped(self.model_type)


@dataclass(frozen=True, slots=True)
class Served:
    """What can serve a text model, the likeliest first; `refusal` says why nothing can."""

    candidates: tuple[TextCandidate, ...]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a text class of vLLM reads of a config that may lack it, and what stands for it.

    `reads` are taken from other attributes, `constants` are the same in all such models,
    and `of_whole` has the whole model's config under the same name.
    """

    architecture: str
    reason: str
    reads: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    of_whole: tuple[str, ...] = ()


@cache
def _reads() -> Mapping[str, _Reads]:
    data = files("mmport.inspection") / "data" / "text_classes.json"
    return {item.architecture: item for item in from_json(data.read_bytes(), tuple[_Reads, ...])}


def serve(text: Text, catalog: Catalog) -> Served:
    """Find what vLLM can serve a text model with."""
    served = _serve(text, catalog)
    return replace(served, candidates=tuple(_told(item, text) for item in served.candidates))


def _told(item: TextCandidate, text: Text) -> TextCandidate:
    """Add the attributes that a class of vLLM reads and this config does not have."""
    known = _reads().get(item.architecture)
    if known is None:
        return item
    settings: list[Setting] = [*known.reads.items()]
    settings += [(name, TextValue(value)) for name, value in known.constants.items()]
    settings += [(name, TextValue(name, of_whole=True)) for name in known.of_whole]
    missing = [(name, value) for name, value in settings if not hasattr(text.config, name)]
    if not missing:
        return item
    reason = f"{item.reason}; {known.reason}"
    return replace(item, reason=reason, settings=(*item.settings, *missing))


def _serve(text: Text, catalog: Catalog) -> Served:
    if not _has_one_number_of_heads(text.config):
        return Served(
            (),
            f"vLLM {catalog.version} asks the config of {text.model_type} for one number of "
            "attention heads, which transformers does not give where layers differ in it",
        )
    if text.named and text.given is None and catalog.serves_text(text.named):
        reason = f"it is what transformers builds for {text.model_type}, and vLLM has it"
        return Served((TextCandidate(text.named, "name", reason),))
    near = _alike(text, catalog)
    name = text.decoder.name if text.decoder else ""
    candidates = [_by_structure(name, item) for item in near if not item.differences]
    known = {item.architecture for item in candidates}
    if text.given is not None:  # a repo's own class is what its source says, and nothing else
        return Served(tuple(candidates), "" if candidates else _refusal(text, near, _OWN, catalog))
    for item in (_by_config(text, catalog), _by_namesake(text, catalog)):
        if item is not None and item.architecture not in known:
            candidates.append(item)
            known.add(item.architecture)
    backend, why_not = _by_backend(text, catalog)
    if backend is not None:
        candidates.append(backend)
    if candidates:
        return Served(tuple(candidates))
    return Served((), _refusal(text, near, why_not, catalog))


def _has_one_number_of_heads(config: Any) -> bool:
    """Tell whether a config answers when it is asked for heads, as vLLM does before all else."""
    try:
        getattr(config, "num_attention_heads", None)
    except RuntimeError:  # transformers' way to say that layers differ
        return False
    return True


def _alike(text: Text, catalog: Catalog) -> tuple[Alike, ...]:
    if text.decoder is None:
        return ()
    return alike(text.decoder, text.config, catalog, aside=text.aside)


def _by_structure(decoder: str, item: Alike) -> TextCandidate:
    reason = f"{decoder} computes what {item.architecture} does, by the source of both"
    if item.settings:
        told = ", ".join(f"{name} = {value}" for name, value in item.settings)
        reason += f", with {told}, which its config does not say"
    if item.rotation:
        reason += f", but for rotating {item.rotation}"
    return TextCandidate(
        item.architecture, "structure", reason, settings=item.settings, rotation=item.rotation
    )


def _by_config(text: Text, catalog: Catalog) -> TextCandidate | None:
    if text.named or not text.stated or not catalog.serves_text(text.stated):
        return None
    return TextCandidate(text.stated, "config", "the text config names it, and vLLM has it")


def _by_namesake(text: Text, catalog: Catalog) -> TextCandidate | None:
    """Find a text class of vLLM's own with the name of the model, which transformers lacks."""
    wanted = {_bare(text.model_type), _bare(text.named or ""), _bare(text.vlm)} - {""}
    for name, found in catalog.architectures["text_generation"].items():
        whole = found.supports("SupportsMultiModal")
        if not whole and name not in hf_library.causal_lm_types() and _bare(name) in wanted:
            return TextCandidate(name, "namesake", f"vLLM has a text model of that name, {name}")
    return None


def _bare(name: str) -> str:
    """Take off what a name says of the kind of model."""
    short = re.sub(r"(_text(_model)?|ForCausalLM|ForConditionalGeneration)$", "", name)
    return re.sub(r"[^a-z0-9]", "", short.lower())


def _by_backend(text: Text, catalog: Catalog) -> tuple[TextCandidate | None, str]:
    """Tell whether vLLM's Transformers backend can run the decoder, or why it cannot."""
    decoder = text.decoder
    if decoder is None:
        return None, f"no decoder's class is known for {text.model_type}"
    if (why_not := _not_run(decoder, text)) is not None:
        return None, why_not
    read = outline(decoder, ConfigView(text.config), text.aside)
    if text.aside or any(not _of_layers(path) for path in _attention(read)):
        return None, f"{decoder.name} has more than a language model's layers in it"
    experts = any(".experts." in path for path in read.parts)
    # Without these the backend does not know how many experts a token goes to.
    experts = experts and any(hasattr(text.config, name) for name in _TOP_K)
    name = _BACKEND_OF_EXPERTS if experts else _BACKEND
    if catalog.backend(name) is None:
        return None, f"vLLM {catalog.version} has no {name}"
    known = hf_library.decoder_class(text.model_type) == decoder.name
    told = None if known else (decoder.module, decoder.name)
    reason = f"transformers' {decoder.name} runs on vLLM's attention"
    settings = (
        *(_routing(read, text) if experts else ()),
        *_own_type(text),
        *_scale(text),
    )
    return TextCandidate(name, "backend", reason, settings=settings, decoder=told), ""


def _own_type(text: Text) -> tuple[Setting, ...]:
    """Say a config's own type where it goes by the whole model's, whose names it would take."""
    own = getattr(type(text.config), "model_type", None)
    if not isinstance(own, str) or not own or own == text.model_type:
        return ()
    return (("model_type", TextValue(own)),)


def _scale(text: Text) -> tuple[Setting, ...]:
    """Say a scale of logits that is none, by which the backend would multiply."""
    given = getattr(text.config, "logit_scale", 1.0)
    return (("logit_scale", 1.0),) if given is None else ()


def _routing(read: Outline, text: Text) -> tuple[Setting, ...]:
    """Say whether experts' weights are made to sum to one, which the backend asks the config."""
    if hasattr(text.config, "norm_topk_prob"):
        return ()
    ways = {way for ways in read.steps.values() for way in ways if "topk" in way}
    if len(ways) != 1:
        return ()
    steps = ways.pop()
    return (("norm_topk_prob", "/" in steps[steps.index("topk") :]),)


def _attention(read: Outline) -> list[str]:
    """Name the modules that attend."""
    return [
        path
        for path, ways in read.steps.items()
        if any(step.startswith("attention(") for way in ways for step in way)
    ]


def _of_layers(path: str) -> bool:
    return path.startswith("layers.*.")


def _not_run(decoder: ModelClass, text: Text) -> str | None:
    forward = decoder.method("forward")
    taken = {parameter.arg for parameter in forward.parameters} if forward else set()
    if crossing := sorted(taken & _CROSS):
        return f"{decoder.name} attends to other states than its own ({crossing[0]})"
    if not _flag(decoder, "_supports_attention_backend"):
        return f"{decoder.name} does not let another library do its attention"
    kinds = getattr(text.config, "layer_types", None) or ()
    if other := sorted({str(kind) for kind in kinds} - _ATTENDING):
        return f"{decoder.name} has layers of {other[0]}"
    return None


def _flag(found: ModelClass, name: str) -> bool:
    """Read a class attribute that is true or false, of the nearest base that sets it."""
    for item in found.lineage:
        for node in item.node.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Constant(value=value)):
                    if bound == name:
                        return bool(value)
    return False


def _refusal(text: Text, near: tuple[Alike, ...], why_not: str, catalog: Catalog) -> str:
    name = text.decoder.name if text.decoder else text.architecture or text.model_type
    said = f"vLLM {catalog.version} has no text model that computes what {name} does"
    if near and near[0].differences:
        path, here, there = near[0].differences[0]
        where = path or "the decoder itself"
        said += f" (the nearest, {near[0].architecture}, has {there} for {here} in {where})"
    return f"{said}, and its Transformers backend does not run it: {why_not}"


def _annotated(config: Any) -> ModelClass | None:
    """Find the decoder of a config's class by its annotation, beside the config's own module.

    A part of a model has the class of its config written at its head.
    """
    module = type(config).__module__.replace("configuration_", "modeling_")
    tree = hf_library.source_tree()
    parsed = tree.module(module) if module.startswith("transformers.") else None
    for node in parsed.body if parsed else ():
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Model", "Transformer")):
            found = find_class(tree, module, node.name)
            if found and _config_class(node) == type(config).__name__ and _has_layers(found):
                return found
    return None


def _config_class(node: ast.ClassDef) -> str | None:
    """Read the annotation of a class's `config`, in its body or of its `__init__`."""
    for item in ast.walk(node):
        match item:
            case (
                ast.AnnAssign(target=ast.Name(id="config"), annotation=ast.expr() as kind)
                | ast.arg(arg="config", annotation=ast.expr() as kind)
            ):
                return ast.unparse(kind).strip("'\"")
    return None


def _has_layers(found: ModelClass) -> bool:
    return any(name == "layers" for name, _ in found.attributes())


def _mapped(model_type: str) -> ModelClass | None:
    name = hf_library.decoder_class(model_type)
    if name is None:
        return None
    return find_class(hf_library.source_tree(), hf_library.modeling_module(model_type), name)
