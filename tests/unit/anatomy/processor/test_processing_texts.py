"""What a processor's tokens are called, and how a chat template writes an item."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mmport.anatomy.processor.chat_templates import written_item
from mmport.anatomy.processor.token_texts import TokenTexts
from mmport.core.source_tree import SourceTree

SOURCE = """
from transformers import AddedToken, ProcessorMixin

START = "<start>"

class ProbeProcessor(ProcessorMixin):
    end_token = "</end>"

    def __init__(self, image_processor, tokenizer, slot="<slot>", **kwargs):
        self.slot = slot
        self.start = START
        self.fallback = getattr(tokenizer, "frame_token", "<frame>")
        if not hasattr(tokenizer, "image_token"):
            self.image_token = AddedToken("<image>", normalized=False)
        else:
            self.image_token = tokenizer.image_token
        self.boi = tokenizer.boi_token if hasattr(tokenizer, "boi_token") else "<boi>"
        self.both = f"{self.start}{self.slot}"
        self.size = image_processor.size
"""


def texts(
    folder: Path, settings: Mapping[str, object], tokenizer: Mapping[str, object]
) -> TokenTexts:
    folder.joinpath("processing_probe.py").write_text(SOURCE)
    tree = SourceTree(folder)
    return TokenTexts(tree, "processing_probe", "ProbeProcessor", settings, tokenizer)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("processor.slot", "<slot>"),
        ("processor.start", "<start>"),
        ("processor.end_token", "</end>"),
        ("processor.fallback", "<frame>"),
        ("processor.image_token", "<image>"),
        ("processor.boi", "<boi>"),
        ("processor.both", "<start><slot>"),
        ("processor.start + processor.slot + '!'", "<start><slot>!"),
        ("processor.size", None),
        ("processor.absent", None),
        ("processor.tokenizer.image_token", None),
        ("processor.start + processor.absent", None),
    ],
)
def test_source_alone(tmp_path: Path, expression: str, text: str | None) -> None:
    assert texts(tmp_path, {}, {}).text(expression) == text


def test_settings_come_before_defaults(tmp_path: Path) -> None:
    tokenizer = {
        "image_token": "<pic>",
        "extra_special_tokens": {"frame_token": {"content": "<f>"}},
        "model_specific_special_tokens": {"boi_token": "<b>"},
    }
    found = texts(tmp_path, {"slot": "<hole>"}, tokenizer)
    names = ("slot", "image_token", "fallback", "boi", "tokenizer.image_token")
    told = [found.text(f"processor.{name}") for name in names]
    assert told == ["<hole>", "<pic>", "<f>", "<b>", "<pic>"]


def test_settings_of_another_type_are_no_texts(tmp_path: Path) -> None:
    found = texts(tmp_path, {"slot": 3}, {"image_token": ["<pic>"], "extra_special_tokens": []})
    assert found.text("processor.slot") == "<slot>"
    assert found.text("processor.image_token") == "<image>"


@pytest.mark.parametrize(
    ("template", "token", "text"),
    [
        ("{{ '<|vs|><|pad|><|ve|>' }}", "<|pad|>", "<|vs|><|pad|><|ve|>"),
        ("{% if x %}<vs><pad><ve>{% endif %}", "<pad>", "<vs><pad><ve>"),
        ("{% if '<pad>' in x %}{{ '<vs><pad><ve>' }}{% endif %}", "<pad>", "<vs><pad><ve>"),
        ("{{ '<begin>image<content><pad><end>' }}", "<pad>", "<begin>image<content><pad><end>"),
        ("{{ '[INST]' + '[IMG]' }}", "[IMG]", "[IMG]"),
        ("{{ '<image>\\n' }}", "<image>", "<image>"),
        ("{{ message }}", "<image>", "<image>"),
        ("{{ ']<]image[>[' }}", "]<]image[>[", "]<]image[>["),
    ],
)
def test_what_a_template_writes(template: str, token: str, text: str) -> None:
    assert written_item(template, token) == text
