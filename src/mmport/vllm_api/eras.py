"""Eras: runs of vLLM releases with one multimodal contract."""

from __future__ import annotations

import re
from dataclasses import dataclass

Release = tuple[int, int, int]

_RELEASE = re.compile(
    r"v?(\d+)\.(\d+)(?:\.(\d+))?(\.\d+)?(\.post\d+)?(?:(?:\.dev|a|b|rc)\d+)?(?:\+[\w.]+)?"
)
_ANY_PATCH = 10**6


@dataclass(frozen=True, slots=True)
class Era:
    """One contract: the first and last release it holds for, and what defines it."""

    name: str
    first: Release
    last: Release
    contract: str


ERAS = (
    Era("L1", (0, 5, 1), (0, 5, 1), "SupportsVision, dummy factories of two arguments"),
    Era("L2", (0, 5, 2), (0, 5, 4), "towers built up to the feature layer"),
    Era("L3", (0, 5, 5), (0, 5, _ANY_PATCH), "SupportsMultiModal, mm_counts, plugins"),
    Era("L4", (0, 6, 0), (0, 6, 0), "tensors stacked by request"),
    Era("L5", (0, 6, 1), (0, 6, 1), "videos, a norm after whole towers"),
    Era("L6", (0, 6, 2), (0, 6, 2), "mm_processor_kwargs"),
    Era("L7", (0, 6, 3), (0, 6, 3), "SupportsPP, DecoderOnlyInputs, known out of tree"),
    Era("L8", (0, 6, 4), (0, 6, 4), "vllm_config, DummyData, MultiModalKwargs"),
    Era("L9", (0, 6, 5), (0, 7, _ANY_PATCH), "registrations found by MRO, merge in two methods"),
    Era("L10", (0, 8, 0), (0, 8, 2), "forward without kv_caches and attn_metadata"),
    Era("L11", (0, 8, 3), (0, 8, 4), "the last with the first API"),
    Era("E1", (0, 8, 5), (0, 9, 1), "get_multimodal_embeddings, three-argument _call_hf_processor"),
    Era("E2", (0, 9, 2), (0, 10, 1), "tok_kwargs, get_placeholder_str"),
    Era("E3", (0, 10, 2), (0, 11, 0), "MultiModalKwargsItems"),
    Era("E4", (0, 11, 1), (0, 12, _ANY_PATCH), "embed_multimodal, mm_options"),
    Era("E5", (0, 13, 0), (0, 14, _ANY_PATCH), "forced batching, MMEncoderAttention"),
    Era("E6", (0, 15, 0), (0, 18, _ANY_PATCH), "multimodal.processing package, _mark_*_model"),
    Era("E7", (0, 19, 0), (0, 28, _ANY_PATCH), "vllm.inputs"),
    Era("E8", (0, 29, 0), (0, 30, _ANY_PATCH), "token-id processing"),
    Era(
        "E9",
        (0, 31, 0),
        (0, 33, _ANY_PATCH),
        "MultiModalDummyOptions, hooks take hf_data and hf_kwargs",
    ),
)


def parse_release(text: str) -> Release | None:
    """Read `0.32`, `0.32.0`, `v0.32.0` or a local build of one; None if it is no release."""
    match = _RELEASE.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, *_ = match.groups()
    return int(major), int(minor), int(patch or 0)


def release_name(text: str) -> str | None:
    """Write a release as its catalog is called, with a hotfix' number and its `.post`.

    None if it is no release.
    """
    release, match = parse_release(text), _RELEASE.fullmatch(text.strip())
    if release is None or match is None:
        return None
    return ".".join(map(str, release)) + (match[4] or "") + (match[5] or "")


def era_of(release: Release) -> Era | None:
    """Find the era that `release` belongs to; None before the first and after the last."""
    return next((era for era in ERAS if era.first <= release <= era.last), None)
