"""Processors read as source: the placeholder, who expands it, how tokens are counted."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mmport.anatomy.classes import library_module
from mmport.anatomy.processor.processing import read_processing
from mmport.core.source_tree import SourceTree
from mmport.inspection import hf_library
from mmport.model.spec import ItemProcessing

HUB_CODE = Path(__file__).parents[3] / "hub_code"
LIBRARY = SourceTree(hf_library._library().parent)


def of_transformers(name: str) -> ItemProcessing:
    module = library_module(name)
    assert module is not None
    found = read_processing(LIBRARY, module, name)
    assert found is not None
    return found


def of_text(folder: Path, body: str, init: str = "") -> ItemProcessing:
    """Read a processor whose `__call__` and the like are given."""
    lines = "\n".join(f"        {line}" for line in dedent(init).strip().splitlines())
    folder.joinpath("processing_probe.py").write_text(
        "import re\nfrom transformers import BatchFeature, ProcessorMixin\n"
        "IMAGE = '<image>'\n"
        "def expanded(texts, mark, counts):\n"
        "    return [text.replace(mark, mark * 4) for text in texts]\n"
        "class ProbeProcessor(ProcessorMixin):\n"
        "    def __init__(self, image_processor=None, tokenizer=None, mark='<pic>', **kwargs):\n"
        f"{lines}\n        super().__init__(image_processor, tokenizer)\n"
        + "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
        + "\n"
    )
    found = read_processing(SourceTree(folder), "processing_probe", "ProbeProcessor")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LlavaProcessor", "processor.image_token"),
        ("AyaVisionProcessor", "processor.image_token"),
        ("DeepseekOcr2Processor", "processor.image_token"),
        ("Phi4MultimodalProcessor", "processor.tokenizer.image_token"),
        ("QianfanOCRProcessor", "processor.image_placeholder_token"),
        (
            "HunYuanVLProcessor",
            "processor.image_start_token + processor.image_token + processor.image_end_token",
        ),
    ],
)
def test_placeholder_in_transformers(name: str, text: str) -> None:
    found = of_transformers(name)
    assert (found.written, found.text) == ("placeholder", text)


@pytest.mark.parametrize("name", ["Gemma3Processor", "Idefics2Processor", "PaliGemmaProcessor"])
def test_text_beside_an_item_that_is_rewritten(name: str) -> None:
    found = of_transformers(name)
    assert (found.written, found.text) == ("rewritten", "processor.image_token")
    assert not found.framed


@pytest.mark.parametrize("name", ["Blip2Processor", "InstructBlipProcessor", "Florence2Processor"])
def test_tokens_that_the_processor_puts_before_the_prompt(name: str) -> None:
    found = of_transformers(name)
    assert (found.written, found.text) == ("nothing", '""')


@pytest.mark.parametrize("name", ["GitProcessor", "PPChart2TableProcessor", "MllamaProcessor"])
def test_tokens_that_nobody_expands(name: str) -> None:
    assert of_transformers(name).written == "tokens"


def test_counting() -> None:
    assert of_transformers("JanusProcessor").counted == "constant"
    assert of_transformers("Qwen2VLProcessor").counted == "method"
    assert of_transformers("Lfm2VlProcessor").counted == "asked"
    # It crops on demand, so even its method is not told all.
    assert of_transformers("Gemma3Processor").counted == "method"


@pytest.mark.parametrize("name", ["MiniCPMV4_6Processor", "MiniCPMV4_7Processor"])
def test_items_that_are_numbered(name: str) -> None:
    assert of_transformers(name).numbered


@pytest.mark.parametrize("name", ["AyaVisionProcessor", "SmolVLMProcessor", "Lfm2VlProcessor"])
def test_tiles_that_are_numbered_are_no_items(name: str) -> None:
    assert not of_transformers(name).numbered


def test_tokens_around_a_text() -> None:
    assert of_transformers("Emu3Processor").framed
    assert of_transformers("ChameleonProcessor").framed
    assert not of_transformers("LlavaProcessor").framed
    assert not of_transformers("Lfm2VlProcessor").special_tokens
    assert of_transformers("LlavaProcessor").special_tokens


def test_outputs_that_are_taken_away() -> None:
    assert of_transformers("AyaVisionProcessor").unused == ("num_patches",)


@pytest.mark.parametrize("folder", sorted(HUB_CODE.iterdir()), ids=lambda folder: folder.name)
def test_hub_code(folder: Path) -> None:
    (file,) = folder.glob("processing_*.py")
    name = f"{file.stem.removeprefix('processing_').title()}Processor"
    found = read_processing(SourceTree(folder), file.stem, name)
    assert found is not None
    token = "processor.image_tag" if folder.name == "heron" else "processor.image_token"
    assert (found.written, found.text) == ("placeholder", token)
    assert not found.numbered
    assert not found.framed


@pytest.mark.parametrize(
    ("body", "init", "text"),
    [
        (
            "def __call__(self, text, images):\n    return text.replace(IMAGE, IMAGE * 9)",
            "",
            "'<image>'",
        ),
        (
            "def __call__(self, text, images):\n"
            "    text = text.replace('<image>', '<mark>' * 9)\n"
            "    return text.replace('<mark>', '<image>')",
            "",
            "'<image>'",
        ),
        (
            "slot = '<image>'\n"
            "def __call__(self, text, images):\n"
            "    return ''.join(re.split(f'({self.slot})', text))",
            "",
            "processor.slot",
        ),
        (
            "def __call__(self, text, images):\n    return expanded(text, self.mark, [4])",
            "self.mark = mark",
            "processor.mark",
        ),
        (
            "def __call__(self, text, images):\n    return self.found.sub('x', text)",
            "self.image_token = tokenizer.image_token\n"
            "self.found = re.compile(re.escape(self.image_token))",
            "processor.image_token",
        ),
        (
            "def __call__(self, text, images, name='a.b'):\n"
            "    kind = name.replace('.', '_').split('_')\n"
            "    return [part + 'x' for part in text.split(self.tokenizer.image_token)]",
            "",
            "processor.tokenizer.image_token",
        ),
    ],
    ids=["constant", "two steps", "class attribute", "helper", "pattern", "tokenizer"],
)
def test_ways_to_look_for_a_token(tmp_path: Path, body: str, init: str, text: str) -> None:
    found = of_text(tmp_path, body, init)
    assert (found.written, found.text) == ("placeholder", text)


def test_number_of_an_item(tmp_path: Path) -> None:
    found = of_text(
        tmp_path,
        """
        def __call__(self, text, images):
            for place, image in enumerate(images):
                text = text.replace(self.image_token, f"image {place + 1}: " + "<mark>" * 4, 1)
            return text.replace("<mark>", self.image_token)
        """,
        "self.image_token = '<image>'",
    )
    assert found.numbered


def test_a_message_is_no_expansion(tmp_path: Path) -> None:
    found = of_text(
        tmp_path,
        """
        def __call__(self, text, images):
            for place, image in enumerate(images):
                if image is None:
                    raise ValueError(f"image {place} of {text} is missing")
            return text.replace(self.image_token, self.image_token * 4)
        """,
        "self.image_token = '<image>'",
    )
    assert not found.numbered


def test_no_such_class(tmp_path: Path) -> None:
    tmp_path.joinpath("processing_probe.py").write_text("")
    assert read_processing(SourceTree(tmp_path), "processing_probe", "ProbeProcessor") is None


@pytest.mark.parametrize("calls_base", [True, False])
def test_what_is_looked_for_besides_is_no_placeholder(tmp_path: Path, calls_base: bool) -> None:
    """A method that leaves the placeholders to its base looks for something else."""
    given = "super().get_text_with_replacements(text, replacements)" if calls_base else "text"
    found = of_text(
        tmp_path,
        f"""
        def replace_image_token(self, inputs, index):
            return self.image_token * 4

        def get_text_with_replacements(self, text, replacements):
            text = [re.sub(self.image_size_token, "4", one) for one in text]
            return {given}
        """,
        "self.image_size_token = '<size>'",
    )
    token = "image_token" if calls_base else "image_size_token"
    assert found.placeholder == f"processor.{token}"


@pytest.mark.parametrize(
    ("name", "takes"), [("MuseGlimmerProcessor", False), ("Qwen3VLProcessor", True)]
)
def test_a_processor_has_to_ask_for_what_it_reads_of_videos(name: str, takes: bool) -> None:
    module = library_module(name)
    assert module is not None
    assert (read_processing(LIBRARY, module, name, "video") is not None) is takes
    assert read_processing(LIBRARY, module, name) is not None
