"""The dummy data by which engines measure memory, and a real forward pass of it."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .context import Context

if TYPE_CHECKING:
    from .scenarios import LegacyRunner


class Dummy:
    """What a class says that the largest prompt looks like."""

    def __init__(self, context: Context) -> None:
        self.context = context
        asked = context.payload["processor_search"]["modalities"]
        self.limits = context.limits
        self.token_ids: dict[str, int | None] = {
            one["kind"]: one["token_id"] for one in asked if one["kind"] in self.limits
        }

    def declared(self, kind: str) -> int:
        """The maximum of tokens for one item that the class registered."""
        most: int = self.context.plugin(kind).get_max_multimodal_tokens(self.context.config)
        return most

    @cached_property
    def data(self) -> tuple[Any, dict[str, Any]]:
        """`dummy_data_for_profiling`: the sequence, and the items by kind."""
        ask = self.context.inputs.dummy_data_for_profiling
        arguments = [self.context.config, self.context.config.max_model_len]
        if "mm_registry" in inspect.signature(ask).parameters:
            arguments.append(self.context.registry)
        found = ask(*arguments)
        sequence = getattr(found, "seq_data", None) or found[0]
        items = found[1] if isinstance(found, tuple) else found.multi_modal_data
        return sequence, dict(items or {})

    @property
    def ids(self) -> list[int]:
        """The sequence's token ids."""
        return [int(token) for token in self.data[0].prompt_token_ids]

    def placeholders(self, kind: str) -> int:
        """How many placeholders of a kind the sequence has."""
        token = self.token_ids[kind]
        return 0 if token is None else self.ids.count(token)

    def items(self, kind: str) -> list[Any]:
        """The dummy items of a kind."""
        made = self.data[1].get(self.context.key(kind))
        if made is None:
            return []
        return list(made) if isinstance(made, list) else [made]

    def forward(self, runner: LegacyRunner) -> tuple[list[str], str]:
        """Have an engine's worker run the dummy data, as others do when they start.

        Returns:
            What was wrong with what came of it, and a note.
        """
        from vllm.sequence import ExecuteModelRequest

        request = ExecuteModelRequest(
            seq_group_metadata_list=[self._group(runner)],
            blocks_to_swap_in=[],
            blocks_to_swap_out=[],
            blocks_to_copy=[],
        )
        runner.tap.take()
        outputs = runner.engine.llm_engine.model_executor.execute_model(request)
        features = sum(len(rows) for rows in runner.tap.take())
        planned = sum(self.declared(kind) * limit for kind, limit in self.limits.items())
        said = [sample.output_token for group in outputs[0].outputs for sample in group.samples]
        told = f"{features} features of {len(self.ids)} tokens, {planned} are planned for"
        problems = [] if features == planned else [told]
        if len(said) != 1:
            problems.append(f"{len(said)} tokens were said")
        return problems, told

    def _group(self, runner: LegacyRunner) -> Any:
        """The one prompt of the pass, in as many blocks of the cache as it needs."""
        from vllm import SamplingParams
        from vllm.sequence import SequenceGroupMetadata

        sequence, items = self.data
        size = runner.engine.llm_engine.cache_config.block_size
        return SequenceGroupMetadata(
            request_id="dummy",
            is_prompt=True,
            seq_data={0: sequence},
            sampling_params=SamplingParams(temperature=0.0, max_tokens=1),
            block_tables={0: list(range(-(-len(self.ids) // size)))},
            computed_block_nums=[],
            multi_modal_data=items or None,
        )
