from vllm.multimodal.processing import BaseMultiModalProcessor, PromptUpdateDetails


class FinchForConditionalGeneration:
    def get_mrope_input_positions(self, input_tokens, mm_features):
        return [token == self.config.image_token_id for token in input_tokens]


class FinchProcessor(BaseMultiModalProcessor):
    def _get_hf_mm_text(self, mm_counts):
        return "<video>" * mm_counts["video"]

    def turned(self, processor, input_ids):
        input_ids[input_ids == processor.image_token_id] = processor.video_token_id
        return input_ids

    def frame_token(self, processor):
        return (
            processor.video_token_id
            if self.is_older(processor)
            else processor.image_token_id
        )

    def frames(self, processor, count: int):
        ids = [processor.video_start_id] + [processor.video_token_id] * count
        return PromptUpdateDetails.select_token_id(
            ids, embed_token_id=processor.video_token_id
        )
