"""An existing text-only class made multimodal: the code of a port, put into it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from mmport.codemods.classes import classes, find_class, method
from mmport.codemods.outcome import Changed
from mmport.codemods.parsing import ParsedFile, parse
from mmport.codemods.rewrite.graft import DonorFacts, Graft, graft_text, read_graft
from mmport.codemods.rewrite.run import rewrite
from mmport.codemods.rewrite.step import Rewriting
from mmport.codemods.rewrite.steps.decoder import decoder_of
from mmport.codemods.rewrite.steps.interface import inherited_model
from mmport.core.errors import NotPortable, Usage
from mmport.generation import style
from mmport.generation.render import first_party, render_port
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec
from mmport.vllm_api.legacy import legacy_contract

_MODELS = ("vllm", "model_executor", "models")


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one codemod did, or why it did nothing."""

    step: str
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class RewrittenFile:
    """A file before and after, and what each step made of it."""

    before: str
    after: str
    steps: tuple[StepResult, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after


def rewrite_file(
    file: ParsedFile, class_name: str, plan: PortPlan, spec: VlmSpec, *, mapper: str = ""
) -> RewrittenFile:
    """Put what serves the model's media into a text class of a file; nothing is written.

    Raises:
        NotPortable: the class lacks something that only its author can add.
        MalformedSource: a name of the plan is no identifier.
    """
    folder = file.path.absolute().parent
    contract = legacy_contract(plan.era)
    rewriting = Rewriting(
        class_name=class_name,
        graft=graft_of(
            plan,
            spec,
            newline=file.module.default_newline,
            decoder=decoder_of(find_class(file.module, class_name)) or "model",
        ),
        table=contract.multimodal_table if contract else "",
        by_name=contract.registers_by_name if contract else True,
        mapper=mapper,
        architecture=plan.architecture,
        in_vllm=folder.parts[-3:] == _MODELS,
        siblings=frozenset(one.stem for one in folder.glob("*.py"))
        if _is_package(file)
        else frozenset(),
    )
    done = rewrite(file.module, rewriting)
    for step, failed in done.failures:
        raise NotPortable(f"{file.path}: {class_name}: {failed.reason} ({step.id})", failed.hint)
    after = file.code_of(done.module)
    # What was written has to be Python still, whatever the steps did.
    parse(done.module.code, str(file.path))
    steps = tuple(
        StepResult(
            step.id,
            type(one).__name__.lower(),
            one.summary if isinstance(one, Changed) else getattr(one, "reason", ""),
        )
        for step, one in done.outcomes
    )
    return RewrittenFile(file.text, after, steps)


def _is_package(file: ParsedFile) -> bool:
    return (file.path.absolute().parent / "__init__.py").is_file()


def graft_of(
    plan: PortPlan, spec: VlmSpec, *, newline: str = "\n", decoder: str = "model"
) -> Graft:
    """Render the port of a plan and take what a text class lacks.

    Args:
        plan: what `plan_graft` gave.
        spec: of the model.
        newline: that of the file.
        decoder: what the text class calls its decoder.

    Raises:
        NotPortable: the model's text has no config of its own.
    """
    donor = render_port(plan, spec)[plan.model_file]
    if ".text_config" not in donor:
        raise NotPortable(
            f"the config of {plan.architecture} is that of its language model too, and rewrite"
            " builds a text class from a config of its own",
            "have the whole class written by mmport scaffold",
        )
    facts = DonorFacts(
        class_name=plan.architecture,
        language_model=plan.component("language_model").vllm_path,
        inner=plan.legacy.decoder if plan.legacy else "model",
        decoder=decoder,
    )
    text = style.format_python(graft_text(donor, facts), first_party=first_party(plan))
    # Within strings newlines are as they stand, so they have to be the file's own.
    return read_graft(text.replace("\n", newline), plan.architecture)


def chosen_class(file: ParsedFile, wanted: str | None) -> str:
    """Find the model class of a file that is meant.

    Raises:
        Usage: there is none, or several and none was named.
    """
    known = model_classes(file)
    if wanted is not None:
        if wanted not in {one.name.value for one in classes(file.module)}:
            raise Usage(
                f"{file.path} has no class {wanted} at its top level",
                f"name one of {', '.join(known)} with --class" if known else "name another file",
            )
        found = find_class(file.module, wanted)
        if method(found, "forward") is None and not inherited_model(found):
            raise Usage(
                f"{wanted} of {file.path} is no model: it has no forward, and inherits none",
                "name another class with --class",
            )
        return wanted
    if not known:
        raise Usage(
            f"{file.path} has no model class: none with forward and compute_logits, and none named"
            " …ForCausalLM",
            "name the class with --class, or another file",
        )
    if len(known) > 1:
        raise Usage(
            f"{file.path} has {len(known)} model classes: {', '.join(known)}",
            "name one with --class",
        )
    return known[0]


def model_classes(file: ParsedFile) -> tuple[str, ...]:
    """Name the classes of a file that vLLM could run as a whole model."""
    names = (one.name.value for one in classes(file.module) if _is_model(one))
    return tuple(dict.fromkeys(names))


_MODEL_NAMES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def _is_model(node: cst.ClassDef) -> bool:
    whole = method(node, "forward") is not None and method(node, "compute_logits") is not None
    return whole or node.name.value.endswith(_MODEL_NAMES)
