from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def __init__(self, info, dummy_inputs) -> None:
        super().__init__(info, dummy_inputs)


def build(
    info,
    dummy_inputs,
):
    return Processor(
        info,
        dummy_inputs,
    )
