"""What a user could run instead of a port, and where it fails, as data.

Every entry of `data/alternatives.json` was seen on a real engine. Of models
that no table of encoders and connectors describes, the board is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json
from mmport.model.measured import Outcome
from mmport.model.plan import Decision, Verdict
from mmport.model.spec import KeyLayout, VlmSpec
from mmport.planning.measured import backend_outcome, in_tree_outcome
from mmport.vllm_api.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known of an alternative, and the models that it is about.

    It was seen on the vLLM `release`, with `language_models` (architectures of
    HF). An empty `encoder_families`, `language_models` or `key_layouts` stands
    for all of them; `max_feature_layers` restricts the fact to models that take
    more. `port` says what a port does where vLLM's own class has this limit.
    """

    architectures: tuple[str, ...]
    eras: tuple[str, ...]
    release: str
    reason: str
    language_models: tuple[str, ...] = ()
    encoder_families: tuple[str, ...] = ()
    key_layouts: tuple[KeyLayout, ...] = ()
    max_feature_layers: int | None = None
    port: str = ""

    def about_kind(self, spec: VlmSpec, era: str) -> bool:
        """Tell whether the fact is about models of this kind, of whatever weights and layers."""
        families = {encoder.family for encoder in spec.encoders}
        text = spec.language_model.hf_architecture
        return (
            spec.architecture in self.architectures
            and era in self.eras
            and (not self.encoder_families or bool(families & set(self.encoder_families)))
            and (not self.language_models or text in self.language_models)
        )

    def about_parts(self, spec: VlmSpec, era: str) -> bool:
        """Tell whether the fact is about this model, leaving its checkpoint aside."""
        layers = len(spec.features.layers) if spec.features else 1
        deep = self.max_feature_layers is None or layers > self.max_feature_layers
        return self.about_kind(spec, era) and deep

    def about(self, spec: VlmSpec, era: str) -> bool:
        """Tell whether the fact is about this model with the weights that it has."""
        layout = spec.checkpoint.layout if spec.checkpoint else None
        return self.about_parts(spec, era) and (not self.key_layouts or layout in self.key_layouts)


@dataclass(frozen=True, slots=True)
class _Known:
    in_tree_limits: tuple[Fact, ...]
    backend_measured: tuple[Fact, ...]
    backend_limits: tuple[Fact, ...]
    port_advantages: str


@cache
def _known() -> _Known:
    data = files("mmport.planning") / "data" / "alternatives.json"
    return from_json(data.read_bytes(), _Known)


def choose(spec: VlmSpec, catalog: Catalog) -> tuple[Verdict, tuple[Decision, ...]]:
    """Decide what a user should run: vLLM's class, the backend, or a port.

    vLLM's own class comes first if there is one without a known limit for this
    model. The Transformers backend comes next, but only where it was measured
    to be right: it may start and still answer wrongly.
    """
    in_tree = _in_tree(spec, catalog)
    if in_tree.choice == "yes":
        return Verdict.IN_TREE, (in_tree,)
    backend = _backend(spec, catalog)
    verdict = Verdict.BACKEND if backend.choice == "yes" else Verdict.PORT
    return verdict, (in_tree, backend)


def _in_tree(spec: VlmSpec, catalog: Catalog) -> Decision:
    subject = "vLLM's own class"
    registered = catalog.multimodal(spec.architecture)
    if registered is None:
        last = catalog.previously_supported.get(spec.architecture)
        dropped = f"; {last} was the last to have it" if last else ""
        reason = f"vLLM {catalog.version} registers no {spec.architecture}{dropped}"
        return Decision(subject, "no", reason)
    limits = _known().in_tree_limits
    stops = [_told(limit, catalog) for limit in limits if limit.about(spec, catalog.era)]
    if stops:
        return Decision(subject, "no", "; ".join(stops))
    name = f"{registered.module}.{registered.class_name}"
    if spec.anatomy is not None and (outcome := in_tree_outcome(spec, catalog)):
        return Decision(
            subject, _choice(outcome), f"vLLM {catalog.version} has {name}; {outcome.told}"
        )
    reason = f"vLLM {catalog.version} has {name}, and no limit of it is known for this model"
    if spec.checkpoint is None:
        caveats = [limit for limit in limits if limit.about_parts(spec, catalog.era)]
        layouts = sorted({layout for limit in caveats for layout in limit.key_layouts})
        if layouts:
            reason += f", unless its weights, which are not there, are as {layouts[0]} saves them"
    return Decision(subject, "yes", reason)


def _backend(spec: VlmSpec, catalog: Catalog) -> Decision:
    subject = "Transformers backend"
    if spec.anatomy is not None and (outcome := backend_outcome(spec, catalog)):
        return Decision(subject, _choice(outcome), outcome.told)
    known = _known()
    stops = [_told(fact, catalog) for fact in known.backend_limits if fact.about(spec, catalog.era)]
    if stops:
        return Decision(subject, "no", "; ".join(stops))
    measured = [fact for fact in known.backend_measured if fact.about(spec, catalog.era)]
    there = [fact.reason for fact in measured if fact.release == catalog.version]
    if not there:
        return Decision(subject, "no", _not_measured(spec, catalog, measured))
    reason = f"{'; '.join(there)}. What a port adds: {known.port_advantages}"
    return Decision(subject, "yes", reason)


def _choice(outcome: Outcome) -> str:
    return "yes" if outcome.answers else "no"


def differences(spec: VlmSpec, catalog: Catalog) -> tuple[Decision, ...]:
    """Say what a port of such a model does and vLLM's own class does not."""
    if catalog.multimodal(spec.architecture) is None:
        return ()
    limits = (item for item in _known().in_tree_limits if item.about_kind(spec, catalog.era))
    return tuple(
        Decision("beyond vLLM's own class", limit.port, _told(limit, catalog))
        for limit in limits
        if limit.port
    )


def _told(fact: Fact, catalog: Catalog) -> str:
    """Give a fact's reason, and where it was seen if that is not the target."""
    seen = "" if fact.release == catalog.version else f" (seen on vLLM {fact.release})"
    return f"{fact.reason}{seen}"


def _not_measured(spec: VlmSpec, catalog: Catalog, elsewhere: list[Fact]) -> str:
    families = " and ".join(encoder.family for encoder in spec.encoders) or "no encoder"
    text = spec.language_model.hf_architecture or spec.language_model.model_type
    others = ", ".join(sorted({fact.release for fact in elsewhere}))
    known = f"; on vLLM {others} it was right" if others else ""
    return f"not measured with {families} and {text} on vLLM {catalog.version}{known}"
