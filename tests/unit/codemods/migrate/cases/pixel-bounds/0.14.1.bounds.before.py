from transformers.models.qwen2_vl import Qwen2VLImageProcessor

from vllm.multimodal.processing import BaseProcessingInfo


class TypedInfo(BaseProcessingInfo):
    def get_image_processor(self, **kwargs: object) -> Qwen2VLImageProcessor:
        return self.get_hf_processor(**kwargs).image_processor

    def get_bounds(self, image_processor: Qwen2VLImageProcessor | None) -> tuple[int, int]:
        return (
            image_processor.min_pixels,  # the least
            image_processor.max_pixels,
        )

    def get_most(self) -> int:
        image_processor = self.get_image_processor()
        return image_processor.max_pixels or image_processor.size["longest_edge"]


class OwnInfo(BaseProcessingInfo):
    def get_most_patches(self, size: int) -> int:
        return self.get_image_processor().max_pixels // size

    def get_longest(self, image: "Picture") -> int:
        return image.max_pixels
