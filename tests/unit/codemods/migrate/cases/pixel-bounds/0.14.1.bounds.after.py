from transformers.models.qwen2_vl import Qwen2VLImageProcessor

from vllm.multimodal.processing import BaseProcessingInfo


def _pixel_bound(image_processor, name: str) -> int:
    # A repository's own processor may have been written before transformers 5.
    bound = getattr(image_processor, name, None)
    edge = "shortest_edge" if name == "min_pixels" else "longest_edge"
    return image_processor.size[edge] if bound is None else bound


class TypedInfo(BaseProcessingInfo):
    def get_image_processor(self, **kwargs: object) -> Qwen2VLImageProcessor:
        return self.get_hf_processor(**kwargs).image_processor

    def get_bounds(self, image_processor: Qwen2VLImageProcessor | None) -> tuple[int, int]:
        return (
            image_processor.size["shortest_edge"],  # the least
            image_processor.size["longest_edge"],
        )

    def get_most(self) -> int:
        image_processor = self.get_image_processor()
        return image_processor.size["longest_edge"]


class OwnInfo(BaseProcessingInfo):
    def get_most_patches(self, size: int) -> int:
        return _pixel_bound(self.get_image_processor(), "max_pixels") // size

    def get_longest(self, image: "Picture") -> int:
        return image.max_pixels
