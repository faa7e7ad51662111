class Finch(nn.Module):
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_prefix={"model.vision_tower.": "vision_tower."}
    )
