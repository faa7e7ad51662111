from vllm.multimodal.parse import MultiModalDataParser
from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo


class Info(BaseProcessingInfo):
    def get_supported_mm_limits(self):
        return {"audio": None}


class Processor(BaseMultiModalProcessor[Info]):
    def _get_data_parser(self) -> MultiModalDataParser:
        # what HF wants
        extractor = self.info.get_hf_processor().feature_extractor
        return MultiModalDataParser(target_sr=extractor.sampling_rate)

    def items(self, images):
        return self._get_data_parser().parse_mm_data({"image": images})
