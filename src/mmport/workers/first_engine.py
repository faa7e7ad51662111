"""vLLM's first engine, V0: what it is sent, and how its answers are forced and read.

Releases to 0.8.5 have it alone on the CPU, under either API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .vllm_scenarios import Runner
from .vllm_sending import FREE, Sender, Sent

if TYPE_CHECKING:
    import torch

BLOCK_SIZE = 16
"""The one that its CPU kernels have."""
NO_PIECES = "an old engine on the CPU computes prompts in one piece"


def is_only_one() -> bool:
    """Tell whether this release has no other engine for the CPU."""
    return find_spec("vllm.v1") is None or find_spec("vllm.v1.worker.cpu_worker") is None


class FirstSender(Sender):
    """Sends prompts to an engine that remembers nothing between two batches."""

    def empty_caches(self) -> None:
        """Forget nothing: there is nothing to forget."""

    def _send(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        if not prompts:
            return []
        outputs = self._engine.generate(list(prompts), list(sampling), use_tqdm=False)
        return [Sent(output) for output in outputs]


class Forced:
    """Has a request answer with given tokens, and notes what the model itself would say.

    This engine computes the logprobs of an answer after its logits were processed, so
    those of a forced answer say nothing; here they are taken before.
    """

    def __init__(self, tokens: Sequence[int], top: int) -> None:
        self.tokens = tokens
        self.top = top
        self.steps: list[dict[str, float]] = []

    def __call__(self, said: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Leave one token of a step's logits (vocabulary,)."""
        import torch

        logprobs = logits.float().log_softmax(-1)
        best = logprobs.topk(min(self.top, logprobs.shape[-1]))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        self.steps.append({str(token): value for token, value in pairs})
        token = self.tokens[len(said)] if len(said) < len(self.tokens) else FREE
        if token == FREE:
            return logits
        self.steps[-1][str(token)] = float(logprobs[token])
        chosen = torch.full_like(logits, float("-inf"))
        chosen[token] = 0.0
        return chosen


class FirstRunner(Runner):
    """A started engine of that kind, whatever API its model has."""

    def __init__(self, engine: Any, processor: Any, payload: dict[str, Any]) -> None:
        super().__init__(engine, processor, payload)
        self.sender = FirstSender(engine)

    def _find_model(self) -> None:
        # By `apply_model` it would have to be pickled.
        self._keep(self.engine.llm_engine.model_executor.driver_worker.model_runner.model)

    def _refusal(
        self, scenario: Mapping[str, Any], request: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> str:
        if scenario["sent"] == "cut":
            return NO_PIECES
        return super()._refusal(scenario, request, wanted)

    def _force(self, sampling: Any, tokens: Sequence[int]) -> Any:
        sampling.logits_processors = [Forced(tokens, self.payload["top_logprobs"])]
        return sampling

    def _steps_of(self, sent: Sent, sampling: Any) -> list[dict[str, float]]:
        for one in sampling.logits_processors or ():
            if isinstance(one, Forced):
                return one.steps
        return super()._steps_of(sent, sampling)

    def _control(self, prompt: Sequence[int]) -> int:
        return 0  # no prefix is ever cached
