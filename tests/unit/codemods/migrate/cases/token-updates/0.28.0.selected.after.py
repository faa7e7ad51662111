from vllm.multimodal.processing import PromptUpdateDetails, cached_encode


class BaseTiles:
    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def put(self, texts: list[str], size: int) -> list[str]:
        tile = self.get_image_repl(size)
        return [text.replace("<image>", self.tokenizer.decode(tile.full), 1) for text in texts]


class Tiles(BaseTiles):
    def get_image_repl(self, size: int) -> PromptUpdateDetails:
        features = "<patch>" * size
        return PromptUpdateDetails.select_token_ids(
            cached_encode(self.tokenizer, f"<img>{features}</img>", add_special_tokens=False),
            cached_encode(self.tokenizer, "<patch>", add_special_tokens=False),
        )


class Rows:
    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def get_row(self, size: int, patch_id: int) -> PromptUpdateDetails:
        row = " ".join(["<patch>"] * size)
        return PromptUpdateDetails.select_token_id(
            cached_encode(self.tokenizer, row, add_special_tokens=False),
            patch_id,
        )

    def get_last(self, size: int) -> PromptUpdateDetails:
        return PromptUpdateDetails.select_token_ids(
            cached_encode(
                self.tokenizer,
                self.get_text(
                    size,
                    last=True,
                ),
                add_special_tokens=False,
            ),
            cached_encode(self.tokenizer, "<patch>", add_special_tokens=False),
        )

    def get_first(self, size: int) -> PromptUpdateDetails:
        return PromptUpdateDetails.select_token_ids(
            cached_encode(
                self.tokenizer,
                self.get_text(
                    size,
                    last=False,
                ),
                add_special_tokens=False,
            ),
            cached_encode(self.tokenizer, "<patch>", add_special_tokens=False),
        )

    def get_text(self, size: int, last: bool) -> str:
        return "<patch>" * size
