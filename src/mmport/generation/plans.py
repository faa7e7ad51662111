"""Checks a plan that may come from someone else's lock."""

from __future__ import annotations

import re

from mmport.core.errors import MalformedSource
from mmport.model.plan import PortPlan, Strategy
from mmport.templates.filters import distribution, dotted, expression, identifier
from mmport.templates.render import has_template
from mmport.vllm_api.legacy import legacy_contract

_ROLES = ("connector", "encoder", "language_model")
_WRAPPED_ROLES = ("encoder", "language_model")


def check_plan(plan: PortPlan) -> None:
    """Check that a plan is whole, and that all that becomes a name is one.

    Raises:
        MalformedSource: a component is missing or there twice, a name is no
            identifier, or a rule of the weight map is no regular expression.
    """
    names = (plan.architecture, plan.names.class_prefix, plan.names.package, plan.names.module)
    for name in names:
        identifier(name)
    distribution(plan.names.distribution)
    roles = sorted(component.role for component in plan.components)
    wanted = _WRAPPED_ROLES if "encoder" in roles and plan.wrapped else _ROLES
    if roles != sorted(wanted):
        raise _malformed(f"the plan's components are {roles}, not one each of {', '.join(wanted)}")
    for component in plan.components:
        dotted(component.vllm_path)
        if component.vllm_class:
            identifier(component.vllm_class)
        if component.vllm_module:
            dotted(component.vllm_module)
    reused = plan.component("encoder")
    if not plan.wrapped and not (reused.vllm_class and reused.vllm_module):
        raise _malformed("the plan names no class for the encoder")
    for item in plan.items:
        for text in (item.token, item.token_id):
            expression(text)
        for field in item.fields:
            identifier(field)
    for text in (plan.logits.scale, plan.logits.soft_cap) if plan.logits else ():
        expression(text or "None")
    _check_legacy(plan)
    patterns = [rule.pattern for rule in plan.renames]
    patterns += [rule.pattern for rule in plan.dropped]
    patterns += [change.pattern for change in plan.changes]
    for pattern in patterns:
        _check_pattern(pattern)
    for step in (step for change in plan.changes for step in change.steps):
        if step.config:
            identifier(step.config)


def _check_legacy(plan: PortPlan) -> None:
    """Check that what only ports in the first multimodal API have is there for these alone."""
    contract, legacy = legacy_contract(plan.era), plan.legacy
    if (contract is None) != (legacy is None):
        raise _malformed(f"the plan's era is {plan.era}, and it is not planned for that")
    if contract is None or legacy is None:
        return
    perhaps = filter(None, (legacy.text_config, legacy.token_id, legacy.plugin_class))
    for name in (legacy.template, legacy.config_class, legacy.modality, *perhaps):
        identifier(name)
    if legacy.text_class is not None:
        module, class_name = legacy.text_class
        dotted(module)
        identifier(class_name)
    dotted(legacy.decoder)
    reused = plan.component("encoder").strategy is Strategy.REUSE
    if reused and legacy.tower not in contract.towers:
        raise _malformed(f"vLLM {plan.target} has no encoder of family {legacy.tower!r}")
    if not has_template(plan.era, f"{legacy.template}.py"):
        raise _malformed(f"there is no template {legacy.template!r}")


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _malformed(f"{pattern!r} is no regular expression: {error}") from error


def _malformed(what: str) -> MalformedSource:
    return MalformedSource(what, "generate the port anew")
