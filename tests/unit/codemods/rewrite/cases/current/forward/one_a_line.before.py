class Finch(nn.Module):
    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        inputs_embeds: torch.Tensor | None = None,  # in place of ids
    ) -> torch.Tensor:
        return self.model(input_ids, positions, inputs_embeds)
