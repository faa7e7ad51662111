"""Encoder families, as data, and the facts of one encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mmport.core.errors import TRY_BACKEND, MalformedSource, NotPortable
from mmport.core.jsonable import from_json
from mmport.inspection.fields import Fields
from mmport.model.spec import EncoderSpec


@dataclass(frozen=True, slots=True)
class ImageProcessor:
    """An image processor of transformers; in settings `$key` stands for a config's value."""

    class_name: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EncoderFamily:
    """Encoders that differ in sizes alone, as transformers has them.

    `class_tokens` is how many tokens come before the patches. `whole_models`
    are the model types that hold such an encoder beside a text model: they are
    sometimes named in its place. `inner_level` is the attribute between the
    encoder and its parts that transformers 5 dropped. `image_processor` is what
    goes with it where a model's repo brings none.
    """

    model_types: tuple[str, ...]
    whole_models: tuple[str, ...]
    class_tokens: int
    inner_level: str
    image_processor: ImageProcessor


@cache
def encoder_families() -> dict[str, EncoderFamily]:
    """All known families of image encoders, by name."""
    data = files("mmport.inspection") / "data" / "encoders.json"
    return from_json(data.read_bytes(), dict[str, EncoderFamily])


def image_encoder(fields: Fields, *, path: str) -> EncoderSpec:
    """Read a vision config.

    Args:
        fields: the vision config.
        path: the encoder's attribute path from the top of the HF model.

    Raises:
        NotPortable: the encoder is of no known family, or its patches are not square.
        MalformedSource: a size is missing or wrong.
    """
    model_type = str(getattr(fields.config, "model_type", ""))
    name, family = encoder_family(model_type, where=fields.where)
    encoder = EncoderSpec(
        modality="image",
        family=name,
        model_type=model_type,
        path=path,
        hidden_size=fields.count("hidden_size"),
        num_layers=fields.count("num_hidden_layers"),
        image_size=fields.side("image_size"),
        patch_size=fields.side("patch_size"),
        has_class_token=family.class_tokens > 0,
    )
    if encoder.patch_size > encoder.image_size:
        raise MalformedSource(
            f"{fields.where} has patches of {encoder.patch_size} pixels in an image of "
            f"{encoder.image_size}",
            "mend image_size or patch_size in the model's config.json",
        )
    return encoder


def is_known_encoder(model_type: str) -> bool:
    """Tell whether a vision config's model type is in the table of encoders."""
    return any(
        model_type in (*family.model_types, *family.whole_models)
        for family in encoder_families().values()
    )


def encoder_tokens(encoder: EncoderSpec) -> int:
    """Count the tokens that the encoder makes of an image, class tokens included."""
    patches = (encoder.image_size // encoder.patch_size) ** 2
    return patches + encoder_families()[encoder.family].class_tokens


def encoder_family(model_type: str, *, where: str = "vision_config") -> tuple[str, EncoderFamily]:
    """Find the family of a vision config's model type, and its name.

    Raises:
        NotPortable: it is of no known family.
        MalformedSource: it is the type of an image and a text model in one.
    """
    for name, family in encoder_families().items():
        if model_type in family.model_types:
            return name, family
        if model_type in family.whole_models:
            raise MalformedSource(
                f"{where} is a {model_type} config, of an image and a text model in one",
                f"put its inner vision_config, of type {family.model_types[0]}, in its place",
            )
    known = ", ".join(sorted(encoder_families()))
    raise NotPortable(
        f"the image encoder is of type {model_type[:80]!r}; mmport knows the families {known}",
        TRY_BACKEND,
    )
