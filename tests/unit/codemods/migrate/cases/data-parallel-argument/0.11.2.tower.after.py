from vllm.model_executor.models.intern_vit import InternVisionModel


def tower(config, parallel):
    return InternVisionModel(config, prefix="vision")
