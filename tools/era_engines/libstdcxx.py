"""Lets kernels that were built with GCC 13 load beside the libstdc++ of GCC 12.

All that they want of the newer one is `std::ios_base_library_init()`, which does nothing
but be there. A stand-in is loaded when Python starts, and the demand for the version is
made a weak one.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

_VERSION = "GLIBCXX_3.4.32"
_SOURCE = "namespace std { void ios_base_library_init() {} }\n"
_VERSION_NEEDS = 0x6FFFFFFE
"""The type of the section that says which versions of which libraries are wanted."""
_WEAK = 2


def stand_in(site: Path) -> None:
    """Prepare the packages of an engine; a C++ compiler is needed."""
    library = site / "libstdcxx_stand_in.so"
    command = ["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", str(library)]
    subprocess.run(command, input=_SOURCE.encode(), check=True)
    loads = f"import ctypes; ctypes.CDLL({str(library)!r}, ctypes.RTLD_GLOBAL)\n"
    (site / "libstdcxx_stand_in.pth").write_text(loads, encoding="utf-8")
    for file in (site / "vllm").rglob("*.so"):
        softened = softer(file.read_bytes())
        if softened is not None:
            file.unlink()  # the file may be shared with a cache
            file.write_bytes(softened)
            file.chmod(0o755)


def softer(library: bytes) -> bytes | None:
    """Make the demand for the version a weak one; None where there is none."""
    data, found = bytearray(library), False
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + at * size) for at in range(count)]
    for section in (one for one in sections if one[1] == _VERSION_NEEDS):
        names, place = sections[section[6]][4], section[4]
        for _ in range(section[7]):
            _, entries, _, first, after = struct.unpack_from("<HHIII", data, place)
            entry = place + first
            for _ in range(entries):
                _, flags, _, name, step = struct.unpack_from("<IHHII", data, entry)
                start = names + name
                if data[start : data.index(0, start)].decode() == _VERSION:
                    struct.pack_into("<H", data, entry + 4, flags | _WEAK)
                    found = True
                entry += step
            place += after
    return bytes(data) if found else None
