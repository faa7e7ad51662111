from __future__ import annotations

from pathlib import Path

from mmport.gate.api.check import check_source
from mmport.workflows.migrating import FileTask, migrate_file

BASE = """from vllm.multimodal.processing import BaseMultiModalProcessor


class Base(BaseMultiModalProcessor):
    pass
"""
HEIR = """from .parts.base import Base


class Heir(Base):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs, tok_kwargs)
"""


def plugin(folder: Path) -> Path:
    (folder / "parts").mkdir()
    (folder / "parts" / "base.py").write_text(BASE)
    heir = folder / "heir.py"
    heir.write_text(HEIR)
    return heir


def test_a_class_is_followed_into_the_file_beside_it(tmp_path: Path) -> None:
    heir = plugin(tmp_path)
    (found,) = check_source(heir, HEIR, ("0.32.0",))
    assert "does not take" in found.message or "wants" in found.message
    migrate_file(FileTask(heir, "0.32.0", "0.11.2", write=True))
    assert "def _call_hf_processor(self, hf_data, hf_kwargs)" in heir.read_text()
    assert list(check_source(heir, heir.read_text(), ("0.32.0",))) == []


def test_files_that_inherit_each_other_come_to_an_end(tmp_path: Path) -> None:
    for one, other in (("first", "second"), ("second", "first")):
        text = f"from .{other} import {other.title()}\n\n\nclass {one.title()}({other.title()}):\n"
        (tmp_path / f"{one}.py").write_text(f"{text}    pass\n")
    text = (tmp_path / "first.py").read_text()
    assert list(check_source(tmp_path / "first.py", text, ("0.32.0",))) == []


def test_a_neighbour_that_is_no_python_brings_nothing(tmp_path: Path) -> None:
    heir = plugin(tmp_path)
    (tmp_path / "parts" / "base.py").write_text("class (:\n")
    assert list(check_source(heir, HEIR, ("0.32.0",))) == []


def test_a_neighbour_may_be_imported_by_its_full_name(tmp_path: Path) -> None:
    folder = tmp_path / "herons"
    folder.mkdir()
    heir = plugin(folder)
    heir.write_text("import vllm\n" + HEIR.replace("from .parts", "from herons.parts"))
    (found,) = check_source(heir, heir.read_text(), ("0.32.0",))
    assert "_call_hf_processor of Heir" in found.message
