"""What is put to the test: a port, vLLM's own class, or the Transformers backend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmport.model.evidence import FileHash, Implementation


@dataclass(frozen=True, slots=True)
class Subject:
    """One implementation as the engine is to find it.

    `modality` is the key of a modality of its own, under which items are given.
    `folder` goes on the engine's path. A port is registered by `entry_point`
    (`package:function`), or by `model_class` (`module:Class`) where it is a
    single file; vLLM's own implementations by neither.
    """

    implementation: Implementation
    folder: Path | None = None
    entry_point: str = ""
    model_class: str = ""
    files: tuple[FileHash, ...] = ()
    label: str = ""
    modality: str = ""

    @property
    def name(self) -> str:
        """What tells it from the others of one comparison."""
        return self.label or self.implementation

    @property
    def model_impl(self) -> str:
        """The engine's argument that chooses between its own classes.

        Never `auto`: where a class cannot be found, the Transformers backend
        must not stand in for it.
        """
        return "transformers" if self.implementation == "transformers" else "vllm"
