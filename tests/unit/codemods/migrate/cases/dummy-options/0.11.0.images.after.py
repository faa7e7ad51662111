from collections.abc import Mapping

from vllm.config.multimodal import BaseDummyOptions
from vllm.multimodal.profiling import BaseDummyInputsBuilder


class Dummy(BaseDummyInputsBuilder):
    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: Mapping[str, BaseDummyOptions] | None = None,
    ):
        return {
            "image": self._get_dummy_images(
                width=1,
                height=1,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image") if mm_options else None,
            )
        }
