"""`assert_checked`: `mmport check` as a test of your own."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path


def assert_checked(
    *paths: str | PathLike[str], target_vllm: str | Iterable[str] = (), strict: bool = False
) -> None:
    """Assert that `mmport check` finds no error in ports, Python files and folders of them.

    Args:
        paths: what to check; relative ones from the folder that the tests run in.
        target_vllm: the vLLM release or releases to check for, in place of the
            configured ones.
        strict: warnings count as errors.

    Raises:
        AssertionError: there is an error; its message is what `mmport check` prints.
        Usage: a path, a release or the configuration names what does not exist.
    """
    __tracebackhide__ = True  # the findings say where, this function's lines do not

    from mmport.gate.checking import check_paths
    from mmport.gate.config import Overrides
    from mmport.gate.formats.text import plain

    targets = (target_vllm,) if isinstance(target_vllm, str) else tuple(target_vllm)
    checked = check_paths([Path(path) for path in paths], Overrides(targets=targets or None))
    if checked.fails(strict=strict):
        raise AssertionError(f"mmport check\n\n{plain(checked, strict=strict)}")
