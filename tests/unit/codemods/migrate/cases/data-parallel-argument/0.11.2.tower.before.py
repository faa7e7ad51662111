from vllm.model_executor.models.intern_vit import InternVisionModel


def tower(config, parallel):
    return InternVisionModel(config, use_data_parallel=parallel, prefix="vision")
