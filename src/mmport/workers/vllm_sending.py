"""Ways to send an engine its prompts: batched or not, cached or not, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .vllm_releases import forget, model_runner

if TYPE_CHECKING:
    import torch

FREE = -1
"""Stands among forced tokens where the model chooses."""
_FORCED = "mmport_forced"
"""Under which the forced tokens of a request travel through the engine."""


@dataclass(slots=True)
class Sent:
    """An engine's output for one prompt, and how the engine came to it.

    `cached`: prompt tokens that were taken from the cache. `pieces`: tokens in
    each step until the prompt was through; empty where nobody counted.
    """

    output: Any
    cached: int = 0
    pieces: list[int] = field(default_factory=list)


class Sender:
    """Sends prompts to an engine that was started in this process."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def together(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        """Send all in one batch, to an engine that remembers nothing."""
        self.empty_caches()
        return self._send(prompts, sampling)

    def alone(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        """Send one after the other, each to an engine that remembers nothing."""
        pairs = zip(prompts, sampling, strict=True)
        return [sent for prompt, how in pairs for sent in self.together([prompt], [how])]

    def cached(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        """Send one after the other, each to an engine that remembers those before it."""
        self.empty_caches()
        pairs = zip(prompts, sampling, strict=True)
        return [sent for prompt, how in pairs for sent in self._send([prompt], [how])]

    def cut(
        self, prompts: Sequence[Any], sampling: Sequence[Any], limits: Sequence[int]
    ) -> list[Sent]:
        """Send one after the other, with so many tokens a step at most."""
        found: list[Sent] = []
        for prompt, how, limit in zip(prompts, sampling, limits, strict=True):
            with _tokens_per_step(self._engine, limit) as steps:
                (sent,) = self.together([prompt], [how])
            sent.pieces = _pieces(steps, len(sent.output.prompt_token_ids))
            found.append(sent)
        return found

    def empty_caches(self) -> None:
        """Forget the key-values of prompts, items as processed, and features."""
        forget(self._engine)

    def _send(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        if not prompts:
            return []
        outputs = self._engine.generate(list(prompts), list(sampling), use_tqdm=False)
        return [Sent(output, output.num_cached_tokens or 0) for output in outputs]


def refuses_pieces(engine: Any) -> str:
    """Say why an engine computes this model's prompts whole; empty if it need not."""
    config = engine.llm_engine.vllm_config.scheduler_config
    if not config.enable_chunked_prefill:
        return "computes the prompts of this model in one piece"
    if _scheduler(engine) is None:
        return "schedules in another process, where the pieces cannot be chosen"
    return ""


def limit_amid(engine: Any, places: Sequence[int]) -> int:
    """Choose so many tokens a step that the first piece ends amid an item.

    Where an engine takes the items of a model whole, the piece ends before the
    item, and the next one must have room for it.

    Args:
        engine: the engine.
        places: positions in the prompt that the item takes, two at least.
    """
    first, last = min(places), max(places)
    middle = (first + last + 1) // 2
    if engine.llm_engine.vllm_config.scheduler_config.disable_chunked_mm_input:
        return max(middle, last + 1 - first)
    return middle


def force(sampling: Any, tokens: Sequence[int]) -> Any:
    """Have a request answer with these tokens; its logprobs stay what the model says."""
    sampling.extra_args = {**(sampling.extra_args or {}), _FORCED: list(tokens)}
    return sampling


def forcing_class() -> type:
    """Make the class by which an engine lets requests be forced (`logits_processors`)."""
    from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

    class Forcing(AdapterLogitsProcessor):  # type: ignore[misc, valid-type, unused-ignore]
        """Leaves a forced request one token a step."""

        def is_argmax_invariant(self) -> bool:
            return False

        def new_req_logits_processor(
            self, params: Any
        ) -> Callable[[list[int], torch.Tensor], torch.Tensor] | None:
            tokens = (params.extra_args or {}).get(_FORCED)
            return None if tokens is None else _leave_one(tokens)

    return Forcing


def force_in_sampler(llm: Any) -> None:
    """Let requests be forced in an engine that takes no such class: in what its sampler chose.

    Logprobs are those of the logits as the model gave them, as with the class.
    """
    runner = model_runner(llm)
    sample = runner.sampler.sample

    def forced(*args: Any, **kwargs: Any) -> Any:
        chosen = sample(*args, **kwargs)
        for row, request in enumerate(runner.input_batch.req_ids):
            state = runner.requests[request]
            tokens = (state.sampling_params.extra_args or {}).get(_FORCED, ())
            place = len(state.output_token_ids)
            if place < len(tokens) and tokens[place] != FREE:
                chosen[row] = tokens[place]
        return chosen

    runner.sampler.sample = forced


def _leave_one(tokens: list[int]) -> Callable[[list[int], torch.Tensor], torch.Tensor]:
    def leave_one(said: list[int], logits: torch.Tensor) -> torch.Tensor:
        token = tokens[len(said)] if len(said) < len(tokens) else FREE
        if token == FREE:
            return logits
        logits.fill_(float("-inf"))
        logits[token] = 0.0
        return logits

    return leave_one


@contextmanager
def _tokens_per_step(engine: Any, limit: int) -> Iterator[list[int]]:
    """Let the scheduler take so many tokens a step inside the block, and count them."""
    scheduler = _scheduler(engine)
    usual, schedule = scheduler.max_num_scheduled_tokens, scheduler.schedule
    steps: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        step = schedule(*args, **kwargs)
        steps.append(step.total_num_scheduled_tokens)
        return step

    scheduler.max_num_scheduled_tokens = limit
    scheduler.schedule = counted
    try:
        yield steps
    finally:
        scheduler.max_num_scheduled_tokens = usual
        del scheduler.schedule


def _pieces(steps: Sequence[int], prompt: int) -> list[int]:
    """The steps that computed the prompt, of all that were counted."""
    pieces: list[int] = []
    for tokens in steps:
        if sum(pieces) >= prompt:
            break
        if tokens:
            pieces.append(tokens)
    return pieces


def _scheduler(engine: Any) -> Any:
    """The scheduler, where it runs in this process."""
    client = engine.llm_engine.engine_core
    return getattr(getattr(client, "engine_core", None), "scheduler", None)
