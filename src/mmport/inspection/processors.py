"""What a model source's processor says, as HF's processor would act on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.hub.source import ModelSource

PROCESSOR_CONFIG = "processor_config.json"
_IMAGE_CONFIG = "preprocessor_config.json"
_ADDITIONAL = "num_additional_image_tokens"


@dataclass(frozen=True, slots=True)
class ProcessorFacts:
    """The processor's settings; None where the source does not state them.

    `image_size` is the height and width in pixels of every image after
    processing, where it is the same for all.
    """

    patch_size: int | None = None
    selection: str | None = None
    additional_tokens: int | None = None
    image_token: str | None = None
    image_size: tuple[int, int] | None = None

    def tokens_per_image(self) -> int | None:
        """Count the placeholders of an image as HF's processor does, where it can."""
        if self.patch_size is None or self.selection is None or self.image_size is None:
            return None
        height, width = self.image_size
        patches = (height // self.patch_size) * (width // self.patch_size)
        return patches + (self.additional_tokens or 0) - (self.selection == "default")


def read_processor(source: ModelSource) -> ProcessorFacts:
    """Read the processor's and the image processor's settings.

    transformers 5 nests the latter in the former's file; 4 wrote two files.

    Raises:
        MalformedSource: a setting is of another type than the processor takes.
    """
    processor = source.read_json(PROCESSOR_CONFIG) if source.has(PROCESSOR_CONFIG) else {}
    nested = processor.get("image_processor")
    image = nested if isinstance(nested, dict) else {}
    if not image and source.has(_IMAGE_CONFIG):
        image = source.read_json(_IMAGE_CONFIG)
    return ProcessorFacts(
        patch_size=_number(processor, "patch_size", least=1),
        selection=_word(processor, "vision_feature_select_strategy"),
        additional_tokens=_number(processor, _ADDITIONAL, least=0),
        image_token=_word(processor, "image_token"),
        image_size=_processed_size(image),
    )


def _processed_size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    crop = _sides(image.get("crop_size"))
    if crop is not None and image.get("do_center_crop", True):
        return crop
    return _sides(image.get("size")) if image.get("do_resize", True) else None


def _sides(value: object) -> tuple[int, int] | None:
    """Read a size that fixes both sides; `{"shortest_edge": …}` does not."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value, value
    if isinstance(value, dict):
        sides = value.get("height"), value.get("width")
        if all(isinstance(side, int) and side > 0 for side in sides):
            return sides  # type: ignore[return-value]
    return None


def _number(config: Mapping[str, Any], name: str, *, least: int) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _wrong(name, value, f"a number of at least {least}")
    return value


def _word(config: Mapping[str, Any], name: str) -> str | None:
    value = config.get(name)
    if isinstance(value, dict):  # an AddedToken, written as an object
        value = value.get("content")
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise _wrong(name, value, "a text")
    return value


def _wrong(name: str, value: object, wanted: str) -> MalformedSource:
    return MalformedSource(
        f"{name} in {PROCESSOR_CONFIG} is {repr(value)[:80]}, not {wanted}",
        f"mend {name} in the model's {PROCESSOR_CONFIG}",
    )
