"""transformers 5 keeps `tie_word_embeddings` in the whole model's config, not in the text's."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import block
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_TIED = "tie_word_embeddings"
_WHOLE = "vllm_config.model_config.hf_config"
_COMMENT = "# transformers 5 tells it of the whole model."
_PARTS = (f"{_WHOLE}.text_config", f"{_WHOLE}.get_text_config()")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        init = item.methods.get("__init__")
        uses = [one for one in walk(item.node) if isinstance(one, ast.Attribute)]
        stored = any(one.attr == _TIED and isinstance(one.ctx, ast.Store) for one in uses)
        read = any(one.attr == _TIED for one in uses)
        for node in init.body if init is not None and read and not stored else ():
            if isinstance(node, ast.Assign) and ast.unparse(node.value) in _PARTS:
                target = reading.code(node.targets[0])
                code = f"{_COMMENT}\n{target}.{_TIED} = {_WHOLE}.{_TIED}"
                end = reading.span(node)[1]
                edits.put(end, end, f"\n{block(reading, node, code)}")
                break
    return edits


CODEMOD = Codemod(
    id="tied-embeddings",
    summary=f"{_TIED} is asked of the whole model's config",
    since="0.19.0",
    instead=f"{_WHOLE}.{_TIED}",
    reference="transformers 5: PreTrainedConfig; vllm.config.VllmConfig.with_hf_config",
    risk="safe",
    apply=_apply,
)
