"""Values of an untrusted config, each held to what it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmport.core.errors import MalformedSource

MAX_INT = 2**31 - 1
"""No size, count or token id of a model comes near this; indices are 32 bits wide in places."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A config object of transformers, and where it stands for messages."""

    config: Any
    where: str

    def count(self, name: str) -> int:
        """Read a positive integer."""
        return self._integer(name, least=1)

    def token_id(self, name: str) -> int:
        """Read a token id."""
        return self._integer(name, least=0)

    def side(self, name: str) -> int:
        """Read the side of a square, in pixels: a number, or two equal ones."""
        value = self._get(name)
        if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
            value = value[0]
        return self._checked(name, value, least=1, kind="a square's side in pixels")

    def flag(self, name: str) -> bool:
        """Read true or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false")
        return value

    def word(self, name: str) -> str:
        """Read a name: ASCII letters, digits and underscores."""
        value = self._get(name)
        if not isinstance(value, str) or not (value.isascii() and value.isidentifier()):
            raise self.wrong(name, value, "a plain name")
        return value

    def indices(self, name: str) -> tuple[int, ...]:
        """Read an integer or a list of them, negative ones included."""
        value = self._get(name)
        values = value if isinstance(value, list | tuple) else [value]
        if not values or not all(_is_int(item) and abs(item) <= MAX_INT for item in values):
            raise self.wrong(name, value, "a layer's index or a list of them")
        return tuple(values)

    def wrong(self, name: str, value: object, wanted: str) -> MalformedSource:
        """Say that a value is not what it must be."""
        return MalformedSource(
            f"{name} in {self.where} is {repr(value)[:80]}, not {wanted}",
            f"mend {name} in the model's config.json",
        )

    def _integer(self, name: str, least: int) -> int:
        kind = "a positive number" if least else "a token id"
        return self._checked(name, self._get(name), least, kind)

    def _checked(self, name: str, value: object, least: int, kind: str) -> int:
        if not isinstance(value, int) or not _is_int(value) or not least <= value <= MAX_INT:
            raise self.wrong(name, value, kind)
        return value

    def _get(self, name: str) -> Any:
        return getattr(self.config, name, None)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
