from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, prompt, mm_data, hf_processor_mm_kwargs, tokenization_kwargs=None):
        images = [image.convert("RGB") for image in mm_data["image"]]
        return super().apply(prompt, {"image": images}, hf_processor_mm_kwargs)


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, *args, hf_processor_mm_kwargs, **kwargs):
        return super().apply(*args, **kwargs)


class RobinMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs, timing_ctx):
        return super().apply(inputs, timing_ctx)
