"""The three classes that process a model's images, written from what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.donor import Donor

_GIVEN = "image_embeds"


@dataclass(frozen=True, slots=True)
class Trio:
    """What the classes are written from.

    `token` is how the info knows the token of a feature, `count` how it counts the
    features of an image; empty: HF's processor counts them. `number` is what stands
    before and after the number in a placeholder that has one.
    """

    stem: str
    token: str
    fields: tuple[str, ...]
    count: str
    number: tuple[str, str] | None
    width: str
    height: str

    @property
    def info(self) -> str:
        """The name of the class that knows of the model."""
        return f"{self.stem}ProcessingInfo"

    @property
    def dummy(self) -> str:
        """The name of the class that makes dummy inputs."""
        return f"{self.stem}DummyInputsBuilder"

    @property
    def processor(self) -> str:
        """The name of the class that processes."""
        return f"{self.stem}MultiModalProcessor"

    def donor(self, class_name: str) -> Donor:
        """Write them, and what registers them with a class."""
        decorator = (
            f"@MULTIMODAL_REGISTRY.register_processor(\n    {self.processor},\n"
            f"    info={self.info},\n    dummy_inputs={self.dummy},\n)"
        )
        helpers = {
            self.info: self._info(),
            self.dummy: self._dummy(),
            self.processor: self._processor(),
        }
        members = {}
        if self.number:
            before, after = map(_in_f_string, self.number)
            members["get_placeholder_str"] = _PLACEHOLDER.format(before=before, after=after)
        return Donor(class_name, decorator, helpers, members, _IMPORTS)

    def _info(self) -> str:
        count = self.count or _HF_COUNT
        return _INFO.format(info=self.info, token=self.token, count=count)

    def _dummy(self) -> str:
        text = _PLAIN_TEXT
        if self.number:
            before, after = map(_in_f_string, self.number)
            text = _NUMBERED_TEXT.format(before=before, after=after)
        return _DUMMIES.format(
            dummy=self.dummy, info=self.info, text=text, width=self.width, height=self.height
        )

    def _processor(self) -> str:
        rows = "\n".join(
            f'            {name}=MultiModalFieldConfig.batched("image"),' for name in self.fields
        )
        target, helper, mm_text = "[image_token_id]", "", ""
        if self.number:
            before, after = map(_in_f_string, self.number)
            helper = _TARGET.format(before=before, after=after)
            target, mm_text = "self.get_image_target", _MM_TEXT
        counting = _COUNTING_GIVEN if _GIVEN in self.fields else _COUNTING
        return _PROCESSOR.format(
            processor=self.processor,
            info=self.info,
            rows=rows,
            target=target,
            helper=helper,
            mm_text=mm_text,
            counting=counting,
        )


def _in_f_string(text: str) -> str:
    return repr(text)[1:-1].replace('"', '\\"').replace("{", "{{").replace("}", "}}")


_PLAIN_TEXT = 'self.info.get_hf_processor().image_token * mm_counts.get("image", 0)'
_NUMBERED_TEXT = """"".join(
            f"{before}{{index + 1}}{after}"
            for index in range(mm_counts.get("image", 0))
        )"""
_HF_COUNT = """self.get_hf_processor()._get_num_multimodal_tokens(
            image_sizes=[(image_height, image_width)]
        )["num_image_tokens"][0]"""
_INFO = """class {info}(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {{"image": None}}

    def get_image_token_id(self) -> int:
        return {token}

    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return {count}
"""
_DUMMIES = """class {dummy}(BaseDummyInputsBuilder[{info}]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return {text}

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: MultiModalDummyOptions,
    ) -> MultiModalDataDict:
        return {{
            "image": self._get_dummy_images(
                width={width},
                height={height},
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image"),
            ),
        }}
"""
_MM_TEXT = """    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.dummy_inputs.get_dummy_text(mm_counts)

"""
_TARGET = """    def get_image_target(self, item_idx: int) -> list[int]:
        text = f"{before}{{item_idx + 1}}{after}"
        tokenizer = self.info.get_tokenizer()
        return cached_encode(tokenizer, text, add_special_tokens=False)

    def _recompute_cached_prompt_update(
        self, cached_update: ResolvedPromptUpdate, new_item_idx: int
    ) -> ResolvedPromptUpdate:
        update = super()._recompute_cached_prompt_update(cached_update, new_item_idx)
        return update.with_target(self.get_image_target(new_item_idx))

"""
_PLACEHOLDER = """    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return f"{before}{{i}}{after}"

        raise ValueError("Only image modality is supported")
"""
_COUNTING = """            images = mm_items.get_items("image", ImageProcessorItems)
            size = images.get_image_size(item_idx)
            num_tokens = self.info.get_num_image_tokens(
                image_width=size.width, image_height=size.height
            )
"""
_COUNTING_GIVEN = """            images = mm_items.get_items(
                "image", (ImageEmbeddingItems, ImageProcessorItems)
            )
            if isinstance(images, ImageEmbeddingItems):
                num_tokens = images.get_feature_size(item_idx)
            else:
                size = images.get_image_size(item_idx)
                num_tokens = self.info.get_num_image_tokens(
                    image_width=size.width, image_height=size.height
                )
"""
_PROCESSOR = """class {processor}(BaseMultiModalProcessor[{info}]):
{mm_text}    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        return dict(
{rows}
        )

{helper}    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_image_token_id()

        def get_replacement(item_idx: int) -> list[int]:
{counting}
            return [image_token_id] * num_tokens

        return [
            PromptReplacement(
                modality="image",
                target={target},
                replacement=get_replacement,
            ),
        ]
"""
_PLACES = {
    "collections.abc": ("Mapping", "Sequence"),
    "transformers": ("BatchFeature",),
    "vllm.config.multimodal": ("MultiModalDummyOptions",),
    "vllm.inputs": ("MultiModalDataDict",),
    "vllm.multimodal.inputs": ("MultiModalFieldConfig", "MultiModalKwargsItems"),
    "vllm.multimodal.parse": ("ImageEmbeddingItems", "ImageProcessorItems", "MultiModalDataItems"),
    "vllm.multimodal": ("MULTIMODAL_REGISTRY",),
    "vllm.multimodal.processing.processor": ("ResolvedPromptUpdate",),
    "vllm.multimodal.processing": (
        *("BaseDummyInputsBuilder", "BaseMultiModalProcessor", "BaseProcessingInfo"),
        *("PromptReplacement", "PromptUpdate", "cached_encode"),
    ),
}
_IMPORTS = tuple(
    Imported(module, name, name) for module, names in _PLACES.items() for name in names
)
