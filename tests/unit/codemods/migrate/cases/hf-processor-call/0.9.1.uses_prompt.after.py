from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _call_hf_processor(self, hf_data, hf_kwargs):
        """Ask HF."""
        mm_data = dict(hf_data)
        prompt = mm_data.pop("text")
        audios = mm_data.get("audio", [])
        hf_kwargs = dict(**hf_kwargs, sampling_rate=16000)
        mm_data = {"audio": audios}
        return super()._call_hf_processor(dict(text=prompt.strip(), **mm_data), hf_kwargs)
