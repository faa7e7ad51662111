"""Has the processes that an engine starts know a port, too: as users' processes do, by a plugin."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME = "mmport_worker_port"
_METADATA = f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: 0\n"
_REGISTER = """\
def register():
    from vllm import ModelRegistry

    ModelRegistry.register_model({architecture!r}, {model_class!r})
"""


def register_in_workers(payload: Mapping[str, Any], out: Path) -> None:
    """Register a port in every process that is started from now on.

    A process of its own imports vLLM afresh and would find vLLM's own class of
    the architecture. What is installed for it here is the one plugin that it loads.

    Args:
        payload: of the job; without a port in it nothing is done.
        out: where the plugin's files go.
    """
    function = payload["entry_point"]
    if not function and not payload["model_class"]:
        return
    folder = out / "plugin"
    info = folder / f"{_NAME}-0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    if not function:
        function = f"{_NAME}:register"
        (folder / f"{_NAME}.py").write_text(_REGISTER.format(**payload), encoding="utf-8")
    (info / "METADATA").write_text(_METADATA, encoding="utf-8")
    entry = f"[vllm.general_plugins]\n{_NAME} = {function}\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    sys.path.insert(0, str(folder.resolve()))
    paths = [str(folder.resolve()), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["VLLM_PLUGINS"] = _NAME
