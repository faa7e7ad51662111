"""The test lanes, the engine, and what a run says about the tests that it left out.

Markers:
    engine: needs an engine environment, whose Python is in `MMPORT_VLLM_PYTHON`.
        Without one such a test is an error, unless `--no-engine` was given.
    gpu: needs a CUDA device; runs where `--gpu` is given.
    legacy: needs an old vLLM, built by `make legacy`: `@pytest.mark.legacy("0.6.3.post1")`.
        Where it isn't built, the fast lane leaves the test out, and the full one fails.
    era: needs an engine of a release from 0.8.5 on, beside the default one:
        `@pytest.mark.era("0.24.0")`. `tools/era_engines.py` makes them; a test whose engine
        is not there is left out.
    full: too slow for the fast lane. The reason is part of the marker:
        `@pytest.mark.full(reason="builds eight checkpoints")`.

Nothing is left out quietly: every group of tests that a run did not do is
listed at its end, with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
ENGINE_VARIABLE = "MMPORT_VLLM_PYTHON"
LEGACY_VARIABLE = "MMPORT_LEGACY_ENGINES"
ERA_VARIABLE = "MMPORT_ERA_ENGINES"
BROWSER_VARIABLE = "MMPORT_BROWSER"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# How long an example takes says more about the machine than about the code.
settings.register_profile("mmport", deadline=None)
settings.load_profile("mmport")

LeftOut = Counter[tuple[str, str]]
"""How many tests of a file were left out for a reason, by (file, reason)."""

left_out_key = pytest.StashKey[LeftOut]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mmport")
    group.addoption(
        "--lane",
        choices=("fast", "full"),
        default="fast",
        help="fast leaves out the tests that are marked `full`",
    )
    group.addoption("--no-engine", action="store_true", help="leave out the engine tests")
    group.addoption("--gpu", action="store_true", help="run the tests that need a CUDA device")
    group.addoption(
        "--update-golden", action="store_true", help="rewrite the committed generated output"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[left_out_key] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _refuse_full_without_reason(items)
    keep: list[pytest.Item] = []
    leave: list[pytest.Item] = []
    for item in items:
        reason = _reason_to_leave_out(item, config)
        if reason is None:
            keep.append(item)
        else:
            leave.append(item)
            config.stash[left_out_key][item.nodeid.partition("::")[0], reason] += 1
    if leave:
        config.hook.pytest_deselected(items=leave)
        items[:] = keep


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("engine"):
        problem = _engine_problem()
        if problem:
            pytest.fail(problem, pytrace=False)
    release = _legacy_release(item)
    if release and not legacy_python(release):
        pytest.fail(_not_built(release), pytrace=False)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        return
    lane = config.getoption("--lane")
    terminalreporter.section(f"not run in the {lane} lane")
    left_out = config.stash[left_out_key]
    for (file, reason), count in sorted(left_out.items()):
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.write_line(f"{file}: {tests}: {reason}")
    if not left_out:
        terminalreporter.write_line("nothing was left out")


def _refuse_full_without_reason(items: list[pytest.Item]) -> None:
    wrong = [
        item.nodeid
        for item in items
        for marker in item.iter_markers("full")
        if not str(marker.kwargs.get("reason", "")).strip()
    ]
    if wrong:
        names = "\n  ".join(wrong)
        raise pytest.UsageError(f"`full` needs a reason (full(reason='…')):\n  {names}")


def _reason_to_leave_out(item: pytest.Item, config: pytest.Config) -> str | None:
    if item.get_closest_marker("engine") and config.getoption("--no-engine"):
        return "needs an engine, and --no-engine was given"
    release = _legacy_release(item)
    if release and config.getoption("--no-engine"):
        return "needs an old engine, and --no-engine was given"
    era = item.get_closest_marker("era")
    if era and (config.getoption("--no-engine") or not era_python(era.args[0])):
        return f"needs an engine of another era, vLLM {era.args[0]} in {ERA_VARIABLE}"
    if item.get_closest_marker("gpu") and not config.getoption("--gpu"):
        return "needs a CUDA device, and --gpu was not given"
    if item.get_closest_marker("browser") and not find_browser():
        return f"needs a headless browser: {BROWSER_VARIABLE}, or one of {', '.join(BROWSERS)}"
    full = item.get_closest_marker("full")
    if full and config.getoption("--lane") == "fast":
        return str(full.kwargs["reason"])
    if release and config.getoption("--lane") == "fast" and not legacy_python(release):
        return _not_built(release)
    return None


def _legacy_release(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("legacy")
    return str(marker.args[0]) if marker else None


def _not_built(release: str) -> str:
    return f"vLLM {release} is not built: `make legacy` builds it"


@cache
def legacy_python(release: str) -> Path | None:
    """The Python of an old engine; None where it is not built, or not to its end."""
    folder = os.environ.get(LEGACY_VARIABLE) or ROOT / ".engines"
    home = Path(folder) / f"vllm-{release}"
    return home / "bin" / "python" if any(home.glob(".ready-*")) else None


@cache
def era_python(release: str) -> Path | None:
    """The Python of an engine of another era; None where it is not there."""
    folder = os.environ.get(ERA_VARIABLE) or ROOT / ".engines"
    home = Path(folder) / f"vllm-{release}"
    return home / "bin" / "python" if any(home.glob(".ready*")) else None


@cache
def find_browser() -> str:
    """Find a browser for the tests marked `browser`; empty where there is none."""
    named = os.environ.get(BROWSER_VARIABLE)
    found = (shutil.which(name) for name in ((named,) if named else BROWSERS))
    return next((path for path in found if path), "")


@cache
def _engine_problem() -> str | None:
    """Say why the engine tests cannot run, or None where they can."""
    name = os.environ.get(ENGINE_VARIABLE)
    advice = "`make test` sets an engine up; --no-engine leaves its tests out"
    if not name:
        return f"{ENGINE_VARIABLE} is not set: {advice}"
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('vllm') is None)"
    try:
        status = subprocess.run([name, "-c", probe], check=False, timeout=60).returncode
    except OSError as error:
        return f"{ENGINE_VARIABLE} names {name}, which does not run ({error}): {advice}"
    return f"{name} ({ENGINE_VARIABLE}) has no vLLM: {advice}" if status else None


@pytest.fixture(scope="session")
def engine_python() -> Path:
    """The Python of the engine environment; for tests marked `engine`."""
    problem = _engine_problem()
    if problem:
        pytest.fail(problem, pytrace=False)
    return Path(os.environ[ENGINE_VARIABLE])


class RunMmport(Protocol):
    """Runs the program as a user would; keywords in capitals go to its environment."""

    def __call__(
        self, *args: str | Path, cwd: Path | None = None, timeout: float = 600, **env: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def run_mmport() -> RunMmport:
    """Run `mmport ARGS` in a process of its own, offline and without coverage."""

    def run(
        *args: str | Path, cwd: Path | None = None, timeout: float = 600, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mmport", *map(str, args)],
            cwd=cwd,
            env=_plain_environment() | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def _plain_environment() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV_", "COVERAGE_", "FORCE_COLOR", "COLUMNS"))
    }
    return inherited | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}


class CheckGolden(Protocol):
    """Compares generated files (relative path to text) with those committed."""

    def __call__(self, folder: str, files: Mapping[str, str]) -> None: ...


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> CheckGolden:
    """Hold generated files to the committed ones in `tests/golden/FOLDER`.

    `make golden` (`--update-golden`) rewrites the folder instead, and the diff
    is for a person to read before it is committed.
    """

    def check(folder: str, files: Mapping[str, str]) -> None:
        place = GOLDEN / folder
        found = {
            path.relative_to(place).as_posix(): path
            for path in place.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        if request.config.getoption("--update-golden"):
            for name in found.keys() - files.keys():
                found[name].unlink()
            for name, text in files.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(text.encode())
            return
        assert sorted(found) == sorted(files), "the set of generated files changed: make golden"
        for name, text in files.items():
            assert text == found[name].read_bytes().decode(), f"{name} changed: make golden"

    return check
