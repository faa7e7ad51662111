"""How a model's processor takes its items: which class it is, and what that class's source says."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Any

from mmport.anatomy.classes import find_class, library_module
from mmport.anatomy.processor.chat_templates import written_item
from mmport.anatomy.processor.frames import hands_frames_on
from mmport.anatomy.processor.processing import read_processing
from mmport.anatomy.processor.token_texts import TokenTexts
from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.opened import OpenedModel
from mmport.inspection.processors import PROCESSOR_CONFIG
from mmport.inspection.tokenizers import TOKENIZER_CONFIG, TokenizerFiles
from mmport.model.spec import Anatomy, ItemProcessing, Modality, PlaceholderSpec

_SETTINGS = (PROCESSOR_CONFIG, "preprocessor_config.json", TOKENIZER_CONFIG)
_CHAT_TEMPLATES = ("chat_template.jinja",)


class ItemReader:
    """Reads a model's processor.

    Args:
        source: the model source.
        model: its class and config.

    Raises:
        NotPortable: nobody says which class its processor is.
        MalformedSource: the class that is said is not there.
    """

    def __init__(self, source: ModelSource, model: OpenedModel) -> None:
        self._source = source
        self._model = model
        self._settings = {name: source.read_json(name) for name in _SETTINGS if source.has(name)}
        self._module, self._class_name = self._processor()
        self._texts = TokenTexts(
            model.tree,
            self._module,
            self._class_name,
            self._settings.get(PROCESSOR_CONFIG, {}),
            self._settings.get(TOKENIZER_CONFIG, {}),
        )

    def with_frames(self, anatomy: Anatomy) -> Anatomy:
        """Give videos the method of images, where the processor hands their frames on as such."""
        known = {one.modality for one in anatomy.methods} | {kind for kind, _ in anatomy.unread}
        images = next((one for one in anatomy.methods if one.modality == "image"), None)
        if images is None or "video" in known:
            return anatomy
        fields = [name for _, name in images.inputs]
        if not hands_frames_on(self._model.tree, self._module, self._class_name, fields):
            return anatomy
        return replace(anatomy, methods=(*anatomy.methods, replace(images, modality="video")))

    def items(self, anatomy: Anatomy) -> tuple[ItemProcessing, ...]:
        """Say how the items of each modality are taken that the model has features of."""
        found = (
            read_processing(self._model.tree, self._module, self._class_name, method.modality)
            for method in anatomy.methods
        )
        return tuple(item for item in found if item is not None)

    def placeholders(
        self, anatomy: Anatomy, items: tuple[ItemProcessing, ...]
    ) -> tuple[PlaceholderSpec, ...]:
        """Say what stands for an item in a prompt, and which id its features have."""
        found = []
        for method in anatomy.methods:
            token_id = self._token_id(method.token, method.modality)
            item = next((one for one in items if one.modality == method.modality), None)
            if token_id is None or item is None:
                continue
            text = self._texts.text(item.text) if item.placeholder else ""
            if text is None:
                text = TokenizerFiles(self._source).text_of(token_id) or ""
            found.append(PlaceholderSpec(method.modality, self._in_chat(text), token_id, 0))
        return tuple(found)

    def _processor(self) -> tuple[str, str]:
        for settings in (*self._settings.values(), self._model.values):
            reference = (settings.get("auto_map") or {}).get("AutoProcessor")
            if isinstance(reference, str):
                module, _, name = reference.rpartition("--")[2].rpartition(".")
                if find_class(self._model.tree, module, name) is None:
                    raise MalformedSource(
                        f"auto_map names {reference[:80]!r}, a class that the repo does not have",
                        "fetch the repo again, or mend its auto_map",
                    )
                return module, name
        stated = (settings.get("processor_class") for settings in self._settings.values())
        names = [*(one for one in stated if isinstance(one, str)), self._of_type() or ""]
        for name in filter(None, names):
            if found := library_module(name):
                return found, name
        raise NotPortable(
            f"no processor is known for {self._model.model_type[:80]!r}",
            "name processor_class in the model's processor_config.json",
        )

    def _of_type(self) -> str | None:
        return hf_library.processor_class(self._model.model_type)

    def _token_id(self, key: str, modality: Modality) -> int | None:
        if key.isdigit():
            return int(key)
        keys = [key] if key else [f"{modality}_token_id", f"{modality}_token_index"]
        for name in keys:
            try:
                value: Any = attrgetter(name)(self._model.config)
            except AttributeError:
                continue
            if isinstance(value, int):
                return value
        return None

    def _in_chat(self, text: str) -> str:
        """Put around a placeholder what the chat template puts there."""
        if not text:
            return text
        templates = [
            self._source.read_text(one) for one in _CHAT_TEMPLATES if self._source.has(one)
        ]
        own = self._settings.get(TOKENIZER_CONFIG, {}).get("chat_template")
        if isinstance(own, str):
            templates.append(own)
        return written_item(templates[0], text) if templates else text
