"""What is done to a prompt's tokens has a hook of its own, with or without media."""

from __future__ import annotations

from mmport.codemods.migrate.changes.renames import rename_method
from mmport.codemods.migrate.codemod import Codemod

_OLD, _NEW = "_apply_hf_processor_tokens_only", "_postprocess_prompt"

CODEMOD = Codemod(
    id="postprocess-prompt",
    summary=f"{_OLD} is called {_NEW}",
    since="0.29.0",
    instead=_NEW,
    reference=f"BaseMultiModalProcessor.{_NEW}",
    risk="safe",
    apply=lambda reading: rename_method(reading, "BaseMultiModalProcessor", _OLD, _NEW),
)
