from vllm.multimodal.processing import BaseProcessingInfo


class Info(BaseProcessingInfo):
    def get_max_tokens_per_item(self, seq_len, mm_counts):
        return {"image": 4}
