from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs):
        """Ask HF."""
        if not (audios := mm_data.get("audios", [])):
            return self.text_only(prompt)
        mm_kwargs = dict(**mm_kwargs, sampling_rate=16000)
        mm_data = {"audio": audios}
        return super()._call_hf_processor(prompt.strip(), mm_data, mm_kwargs)
