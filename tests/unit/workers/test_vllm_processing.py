from __future__ import annotations

from dataclasses import dataclass

from mmport.workers.vllm_processing import described


@dataclass(frozen=True)
class Place:
    """As vLLM describes where an item stands in a prompt."""

    offset: int
    length: int
    is_embed: None = None

    def get_num_embeds(self) -> int:
        return self.length


def test_items_are_told_in_the_order_of_the_prompt_whatever_that_of_their_kinds() -> None:
    image, audio = [Place(9, 2)], [Place(1, 3)]
    told = [
        described({"mm_placeholders": kinds, "prompt_token_ids": [0] * 12, "mm_kwargs": {}})[0]
        for kinds in ({"image": image, "audio": audio}, {"audio": audio, "image": image})
    ]
    assert [one["spans"] for one in told] == [[[1, 3], [9, 2]]] * 2
    assert told[0]["positions"] == [1, 2, 3, 9, 10]
