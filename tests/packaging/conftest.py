from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.builds import build


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist."""
    return build(tmp_path_factory.mktemp("clone"))
