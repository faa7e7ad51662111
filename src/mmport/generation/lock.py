"""`mmport.lock`: what regenerating a port needs, as TOML.

The text depends on the content alone: no time, no machine. TOML has no null, so
a field that is None is left out.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import tomli_w

from mmport import __version__
from mmport.core.errors import MalformedSource, PortUnreadable
from mmport.core.files import sha256_file, sha256_text, write_tree
from mmport.core.jsonable import from_builtins, to_builtins, to_json
from mmport.generation.plans import check_plan
from mmport.model.evidence import Evidence, FileHash
from mmport.model.lock import LOCK_NAME, LOCK_SCHEMA, EvidenceDigest, Lock, Versions
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec

_HEADER = "# Written by mmport; `mmport scaffold`, `accept` and `verify` keep it up to date.\n\n"


def new_lock(plan: PortPlan, spec: VlmSpec, files: Mapping[str, str]) -> Lock:
    """Make the lock of freshly generated `files` (path to text)."""
    return Lock(
        schema=LOCK_SCHEMA,
        versions=Versions(
            mmport=__version__, transformers=version("transformers"), vllm=plan.target
        ),
        spec=spec,
        plan=plan,
        files=tuple(FileHash(path, sha256_text(text)) for path, text in sorted(files.items())),
    )


def lock_text(lock: Lock) -> str:
    """Write a lock as TOML.

    Raises:
        MalformedSource: a string of the model's config is not valid Unicode.
    """
    try:
        data = _without_none(to_builtins(lock))
        text = tomli_w.dumps(data, multiline_strings=True)
        if tomllib.loads(text) != data:  # multi-line strings fold unusual line ends
            text = tomli_w.dumps(data)
        (_HEADER + text).encode()
    except UnicodeEncodeError as error:
        raise MalformedSource(
            "a string of the model's config is not valid Unicode", "mend the model's config.json"
        ) from error
    return _HEADER + text


def parse_lock(text: str) -> Lock:
    """Read a lock, refusing what it does not know.

    Raises:
        PortUnreadable: it is damaged, of another schema, holds a plan that generates
            nothing, or names files outside the port.
    """
    try:
        data = tomllib.loads(text)
        if data.get("schema") != LOCK_SCHEMA:
            raise _damaged(f"its schema is {data.get('schema')!r}, not {LOCK_SCHEMA!r}")
        lock = from_builtins(_with_none(data, Lock), Lock)
        check_plan(lock.plan)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, MalformedSource) as error:
        raise _damaged(str(error)) from error
    if _without_none(to_builtins(lock)) != data:
        raise _damaged("it has fields that this mmport does not know")
    for path in _paths(lock):
        if not stays_inside(path):
            raise _damaged(f"{path!r} is not a path within the port")
    return lock


def read_lock(folder: Path) -> Lock:
    """Read the lock of the port in `folder`.

    Raises:
        PortUnreadable: there is no port, or its lock is damaged.
    """
    path = folder / LOCK_NAME
    if not path.is_file():
        raise PortUnreadable(
            f"{folder} is not a port: it has no {LOCK_NAME}",
            f"generate one with: mmport scaffold MODEL -o {folder}",
        )
    try:
        return parse_lock(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error


def proven_hashes(folder: Path) -> tuple[FileHash, ...]:
    """Hash the files that evidence is about, as they are now: the port's Python modules.

    Raises:
        PortUnreadable: there is no port, its lock is damaged, or a module is missing.
    """
    paths = proven_paths(folder, read_lock(folder))
    if missing := [path for path in paths if not (folder / path).is_file()]:
        raise PortUnreadable(
            f"{folder / missing[0]} is missing", "write it again with: mmport scaffold"
        )
    return tuple(FileHash(path, sha256_file(folder / path)) for path in paths)


def proven_paths(folder: Path, lock: Lock) -> tuple[str, ...]:
    """Name the files that vLLM runs, which evidence has to be about, sorted.

    Those are the generated modules, there or not, and the user's own beside them.
    """
    package = PurePosixPath(lock.plan.model_file).parent
    paths = (PurePosixPath(item.path) for item in lock.files)
    generated = {str(path) for path in paths if path.parent == package and path.suffix == ".py"}
    return tuple(sorted({*generated, *own_modules(folder, lock)}))


def own_modules(folder: Path, lock: Lock) -> tuple[str, ...]:
    """Find the modules in the port's package that were not generated, sorted.

    A port of layout `file` has no package: what lies beside it may be anything.
    """
    if lock.plan.layout != "plugin":
        return ()
    generated = {item.path for item in lock.files}
    found = (folder / lock.plan.names.package).rglob("*.py")
    paths = (path.relative_to(folder).as_posix() for path in found if path.is_file())
    return tuple(sorted(path for path in paths if path not in generated))


def evidence_path(implementation: str) -> str:
    """Where evidence is kept, relative to the port."""
    return f"evidence/{implementation}.json"


def record_evidence(folder: Path, evidence: Evidence) -> Path:
    """Keep evidence beside the port and its digest in the lock; give the file's path.

    Evidence of the same implementation that was there before is replaced.

    Raises:
        PortUnreadable: there is no port, or its lock is damaged.
        TargetUnwritable: the port's folder cannot be written.
    """
    lock = read_lock(folder)
    path, text = evidence_path(evidence.implementation), to_json(evidence)
    others = (item for item in lock.evidence if item.path != path)
    digests = sorted((*others, EvidenceDigest(path, sha256_text(text))), key=lambda item: item.path)
    lock = dataclasses.replace(lock, evidence=tuple(digests))
    write_tree(folder, {path: text, LOCK_NAME: lock_text(lock)})
    return folder / path


def _damaged(why: str) -> PortUnreadable:
    return PortUnreadable(
        f"{LOCK_NAME} is damaged: {why}",
        f"restore {LOCK_NAME} from version control, or delete it and scaffold the port again",
    )


def _paths(lock: Lock) -> Iterator[str]:
    yield from (item.path for item in lock.files)
    yield from (item.path for item in lock.accepted)
    yield from (item.path for item in lock.evidence)


def stays_inside(path: str) -> bool:
    """Tell whether a lock may name `path`: one within the port, on any system."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not (
        path.startswith("/") or ".." in parts or "\\" in path or ":" in path or "\0" in path
    )


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _with_none(data: Any, kind: Any) -> Any:
    """Put None where a field of `kind` may be None and has been left out."""
    if get_origin(kind) is tuple and isinstance(data, list):
        return [_with_none(item, get_args(kind)[0]) for item in data]
    if get_origin(kind) in (Union, UnionType):
        kind = next(item for item in get_args(kind) if item is not NoneType)
    if not (dataclasses.is_dataclass(kind) and isinstance(data, dict)):
        return data
    hints = get_type_hints(kind)
    filled = {name: None for name, hint in hints.items() if NoneType in get_args(hint)}
    return filled | {
        key: _with_none(item, hints[key]) if key in hints else item for key, item in data.items()
    }
