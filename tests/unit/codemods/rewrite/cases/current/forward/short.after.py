class Finch(nn.Module):
    def forward(
        self,
        input_ids: Tensor,
        *,
        inputs_embeds: Tensor,
        **kwargs: object,
    ) -> Tensor: return input_ids
