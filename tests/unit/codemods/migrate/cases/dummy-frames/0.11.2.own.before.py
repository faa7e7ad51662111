import numpy as np

from vllm.multimodal.profiling import BaseDummyInputsBuilder


class FinchDummyInputsBuilder(BaseDummyInputsBuilder):
    def _get_dummy_videos(self, *, width: int, height: int, num_frames: int, num_videos: int):
        """Make white videos."""
        video = np.full((num_frames, width, height, 3), 255, dtype=np.uint8)
        return [video] * num_videos


class BoundedDummyInputsBuilder(BaseDummyInputsBuilder):
    def _get_dummy_videos(self, *, width: int, height: int, num_frames: int, num_videos: int):
        num_frames = max(num_frames, 4)
        video = np.full((num_frames, width, height, 3), 255, dtype=np.uint8)
        return [video] * num_videos
