from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def __init__(self, info, dummy_inputs, *, cache=None) -> None:
        super().__init__(
            info, dummy_inputs, cache=cache
        )


def build(
    info,
    dummy_inputs,
    *,
    cache=None,
):
    return Processor(
        info,
        dummy_inputs,
        cache=cache,
    )
