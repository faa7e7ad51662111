"""A tokenizer made offline: byte-level BPE trained on a page of text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN, BEGIN, END, PAD = "<unk>", "<s>", "</s>", "<pad>"

_TEXT = """
The picture shows a small harbour in the morning. Two boats are tied to the wall, one of them red
and one of them blue, and behind them a row of white houses climbs the hill. A man in a yellow coat
is carrying a box of fish along the quay while a dog follows him and looks at the water. There are
clouds over the hill, the light is soft, and the sea is almost still. On the left stands a lamp, on
the right a bicycle leans against a tree. What is shown in this image? Describe the image in detail.
How many people are in the picture, and what are they doing? Which colours can you see? The answer
is that there are three people: the man with the box, a woman who is reading a letter at a table in
front of the second house, and a child who is throwing stones into the water. Compare the two
images and say what is different between them. In the first image the boat is red, in the second
image it is green; the houses, the tree and the bicycle are the same in both. Read the text on the
sign above the door. It says that the shop is open from nine to five and closed on Sunday. Is the
weather good? Yes, although it may rain later in the day. USER ASSISTANT system user assistant
"""

_CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{- message['role'] | upper }}:{{ ' ' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] if part['type'] != 'text' -%}
{{- placeholders[part['type'] | replace('_url', '')] + '\\n' -}}
{%- endfor -%}
{%- for part in message['content'] if part['type'] == 'text' -%}
{{- part['text'] -}}
{%- endfor -%}
{%- endif -%}
{{- eos_token if message['role'] == 'assistant' else ' ' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- 'ASSISTANT:' -}}
{%- endif -%}
"""


def chat_template(placeholders: Mapping[str, str]) -> str:
    """Write a template that puts a message's items, each on a line, before its text.

    Args:
        placeholders: what stands for an item, by its kind.
    """
    # JSON in ASCII is a literal of the template's language too.
    return f"{{%- set placeholders = {json.dumps(dict(placeholders))} -%}}\n{_CHAT_TEMPLATE}"


def train_tokenizer(
    trained: int,
    special: Sequence[str],
    words: Sequence[str],
    attributes: Mapping[str, str],
    *,
    begins: bool,
) -> Any:
    """Train the tokenizer.

    Args:
        trained: how many tokens it has before the special ones and padding are added.
        special: special tokens, in the order of their ids.
        words: tokens that follow them and are not special.
        attributes: special tokens by the name under which the tokenizer gives them.
        begins: whether a prompt is given the token for the beginning of text.

    Raises:
        RuntimeError: the text does not yield that many tokens.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=trained,
        special_tokens=[UNKNOWN, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT.split("\n"), trainer)
    if tokenizer.get_vocab_size() != trained:
        raise RuntimeError(f"the text yields {tokenizer.get_vocab_size()} tokens, not {trained}")
    tokenizer.add_special_tokens([_added(token) for token in special])
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    tokenizer.add_special_tokens([_added(PAD)])
    if begins:
        _prepend_begin(tokenizer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        extra_special_tokens=dict(attributes),
        additional_special_tokens=list(special),
    )


def _added(token: str) -> Any:
    from tokenizers import AddedToken

    return AddedToken(token, special=True, normalized=False)


def _prepend_begin(tokenizer: Any) -> None:
    from tokenizers import processors

    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A",
        pair=f"{BEGIN} $A {BEGIN} $B",
        special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))],
    )
