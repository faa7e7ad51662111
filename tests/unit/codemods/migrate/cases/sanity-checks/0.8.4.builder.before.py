from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def __init__(self, info, dummy_inputs, *, cache=None, enable_sanity_checks=True) -> None:
        super().__init__(
            info, dummy_inputs, cache=cache, enable_sanity_checks=enable_sanity_checks
        )


def build(
    info,
    dummy_inputs,
    *,
    cache=None,
    enable_sanity_checks: bool = True,
):
    return Processor(
        info,
        dummy_inputs,
        cache=cache,
        enable_sanity_checks=enable_sanity_checks,
    )
