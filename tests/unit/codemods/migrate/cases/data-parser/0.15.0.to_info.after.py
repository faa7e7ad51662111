from vllm.multimodal.parse import MultiModalDataParser
from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo


class Info(BaseProcessingInfo):
    def get_supported_mm_limits(self):
        return {"audio": None}

    def get_data_parser(self) -> MultiModalDataParser:
        # what HF wants
        extractor = self.get_hf_processor().feature_extractor
        return MultiModalDataParser(target_sr=extractor.sampling_rate)


class Processor(BaseMultiModalProcessor[Info]):
    def items(self, images):
        return self.info.get_data_parser().parse_mm_data({"image": images})
