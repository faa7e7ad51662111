from vllm.multimodal.processing import PromptUpdateDetails


class BaseTiles:
    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def put(self, texts: list[str], size: int) -> list[str]:
        tile = self.get_image_repl(size)
        return [text.replace("<image>", tile.full, 1) for text in texts]


class Tiles(BaseTiles):
    def get_image_repl(self, size: int) -> PromptUpdateDetails:
        features = "<patch>" * size
        return PromptUpdateDetails.select_text(f"<img>{features}</img>", "<patch>")


class Rows:
    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def get_row(self, size: int, patch_id: int) -> PromptUpdateDetails:
        row = " ".join(["<patch>"] * size)
        return PromptUpdateDetails.select_token_id(row, patch_id)

    def get_last(self, size: int) -> PromptUpdateDetails:
        return PromptUpdateDetails.select_text(
            self.get_text(
                size,
                last=True,
            ),
            "<patch>",
        )

    def get_first(self, size: int) -> PromptUpdateDetails:
        return PromptUpdateDetails.select_text(self.get_text(
            size,
            last=False,
        ), "<patch>")

    def get_text(self, size: int, last: bool) -> str:
        return "<patch>" * size
