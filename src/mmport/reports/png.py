"""Pictures as PNG, as the one kind of file that every browser shows."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {1: 0, 3: 2, 4: 6}
"""PNG's number for grey, colour, and colour with transparency, by the channels."""


def png_bytes(pixels: Pixels) -> bytes:
    """Encode pixels (height, width, channels) of eight bits each: grey, RGB or RGBA.

    The base install has no imaging library, and of PNG this much is enough.
    """
    import numpy as np

    height, width, channels = pixels.shape
    header = struct.pack(">2I5B", width, height, 8, _KINDS[channels], 0, 0, 0)
    # Every row begins with the number of its filter: 0, none.
    rows = np.zeros((height, 1 + pixels[0].size), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    data = zlib.compress(rows.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def data_uri(pixels: Pixels) -> str:
    """Encode pixels as an address that holds the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(png_bytes(pixels)).decode()}"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
