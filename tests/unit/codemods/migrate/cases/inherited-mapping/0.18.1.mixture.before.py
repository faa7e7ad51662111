from vllm.model_executor.models.qwen3_moe import Qwen3MoeModel


class FinchModel(Qwen3MoeModel):
    def load_weights(self, weights):
        expert_params_mapping = self.get_expert_mapping()
        return [name for name, _ in weights if name in expert_params_mapping]
