"""Which generation of transformers named the tensors of a checkpoint.

transformers saved the same LLaVA under three sets of names, and under a fourth
where its own renaming on save was left out. A config's `transformers_version`
says who wrote the config, not the weights; the names themselves tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mmport.core.errors import MalformedSource
from mmport.model.spec import KeyLayout

_BASE: Final = "model."
"""The level that transformers 4.52 and later have above all but the head."""


def detect_layout(names: Iterable[str], *, encoder: str, inner: str) -> KeyLayout:
    """Tell the layout from the encoder's tensor names.

    Args:
        names: all tensor names of the checkpoint.
        encoder: the encoder's attribute, without the base level.
        inner: the level inside the encoder that transformers 5 dropped.

    Raises:
        MalformedSource: no name is the encoder's, or names of two layouts are mixed.
    """
    found = {_layout(name, encoder, inner) for name in names} - {None}
    if len(found) == 1:
        return next(layout for layout in found if layout)
    what = "mixes the key layouts of several transformers releases" if found else "has no encoder"
    raise MalformedSource(
        f"the checkpoint {what}: its tensors should begin with {encoder}. or {_BASE}{encoder}.",
        "save the model anew with transformers' save_pretrained",
    )


def _layout(name: str, encoder: str, inner: str) -> KeyLayout | None:
    bare, below = name.removeprefix(_BASE), name.startswith(_BASE)
    if not bare.startswith(f"{encoder}."):
        return None
    if bare.startswith(f"{encoder}.{inner}."):
        return "transformers-4.52" if below else "transformers-4"
    return "transformers-5-below-model" if below else "transformers-5"
