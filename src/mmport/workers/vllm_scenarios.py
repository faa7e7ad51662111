"""Asks a started engine what a scenario asks, in the way it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .capture import Recorder, find_language_model
from .exchange import write_stage
from .probes import Probe, find_module
from .tap import VLLM_METHODS, FeatureTap
from .vllm_embeddings import embedded_data
from .vllm_processing import beyond_limits, multi_modal_data, read_reference, text_of
from .vllm_sending import Sender, Sent, force, limit_amid, refuses_pieces

if TYPE_CHECKING:
    from pathlib import Path

    import torch


@dataclass(slots=True)
class _Asked:
    """A request that HF answered: what the engine is sent for it."""

    index: int
    prompt: dict[str, Any]
    wanted: dict[str, Any]
    forced: Sequence[int]


class Runner:
    """A started engine, and what it is asked; the model itself where it runs here."""

    def __init__(self, engine: Any, processor: Any, payload: dict[str, Any]) -> None:
        self.engine = engine
        self.processor = processor
        self.payload = payload
        self.sender = Sender(engine)
        self.model: Any = None
        if payload["observes"]:
            self._find_model()
            self.tap = FeatureTap(self.model, VLLM_METHODS)
            self.recorder = Recorder(self.model, also=find_language_model(self.model))

    def _find_model(self) -> None:
        self.engine.apply_model(self._keep)

    def _keep(self, model: Any) -> None:
        self.model = model

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Send a scenario's requests as it says; those that HF could answer.

        The document has for each request its ids, tokens and logprobs; `forced`,
        its logprobs over HF's own tokens, where it said others; `cached` and
        `pieces`, if the scenario is about them.
        """
        reference = read_reference(self.payload, f"scenario-{scenario['name']}")
        asked, left_out = self._asked(scenario, reference)
        connector = self._connector()
        sampling = [self._sampling(scenario, one) for one in asked]
        with self._recording(scenario, out):
            found = self._send(scenario, asked, sampling)
        taken = self._taken(connector)
        requests: list[dict[str, Any] | None] = [None] * len(reference["requests"])
        tensors: dict[str, torch.Tensor] = {}
        for one, sent, how in zip(asked, found, sampling, strict=True):
            requests[one.index] = self._answer(sent, how, scenario)
            if sent.output.prompt_logprobs is not None:
                tensors[f"{one.index}/prompt"] = _prompt_logprobs(sent.output)
        for index, steps in self._forced(scenario, asked, found).items():
            (requests[index] or {})["forced"] = steps
        document: dict[str, Any] = {"requests": requests, "left_out": left_out}
        if scenario["sent"] == "cached" and asked:
            document["control"] = self._control(asked[0].wanted["prompt"])
        write_stage(out, f"scenario-{scenario['name']}", document, tensors | taken)

    def _asked(
        self, scenario: dict[str, Any], reference: dict[str, Any]
    ) -> tuple[list[_Asked], dict[str, str]]:
        """Choose what is sent, in its order, and say what is not and why."""
        left_out: dict[str, str] = {}
        asked: list[_Asked] = []
        for index in scenario["order"] or range(len(scenario["requests"])):
            wanted, request = reference["requests"][index], scenario["requests"][index]
            if wanted is None:
                continue
            must_answer = self._must_answer(scenario, request)
            refusal = "" if must_answer else self._refusal(scenario, request, wanted)
            prompt: dict[str, Any] | str = refusal or self._prompt(scenario, index, wanted)
            if isinstance(prompt, str):
                if must_answer:
                    raise ValueError(prompt)
                left_out[str(index)] = prompt
            else:
                asked.append(_Asked(index, prompt, wanted, request["forced"]))
        return asked, left_out

    def _must_answer(self, scenario: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
        """Tell whether a request may not be left out, whatever the class says."""
        return not scenario["optional"]

    def _refusal(
        self, scenario: Mapping[str, Any], request: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> str:
        """Say why the class or the engine takes no part in a request; empty if it does."""
        beyond = beyond_limits(self.processor.info, request)
        if beyond:
            return beyond
        limit = self.engine.llm_engine.model_config.max_model_len
        if len(wanted["prompt"]) + len(wanted["tokens"]) > limit:
            return f"the model has {limit} positions"
        if scenario["sent"] != "cut":
            return ""
        places = self._places(wanted["prompt"])
        if max(places, default=0) <= min(places, default=0):
            return "no item of several positions is known, so none can be cut"
        return refuses_pieces(self.engine)

    def _prompt(
        self, scenario: Mapping[str, Any], index: int, wanted: Mapping[str, Any]
    ) -> dict[str, Any] | str:
        """Make what the engine is sent, or say why the class does not take it."""
        request = scenario["requests"][index]
        if request["literal"] is not None:
            return {"prompt_token_ids": list(wanted["prompt"])}
        prompt: dict[str, Any] = {"prompt": text_of(request, self.payload)}
        if not request["items"]:
            return prompt
        if not scenario["embeds"]:
            return {**prompt, "multi_modal_data": multi_modal_data(request["items"])}
        own = self._own_features({**prompt, "multi_modal_data": multi_modal_data(request["items"])})
        data = embedded_data(self.processor, self.payload, scenario, index, own)
        return data if isinstance(data, str) else {**prompt, "multi_modal_data": data}

    def _own_features(self, prompt: dict[str, Any]) -> list[torch.Tensor]:
        """What the class itself makes of a prompt's items."""
        from vllm import SamplingParams

        self.sender.together([prompt], [SamplingParams(temperature=0.0, max_tokens=1)])
        return self.tap.take()

    def _places(self, prompt: Sequence[int]) -> list[int]:
        ids = self.payload["placeholder_ids"]
        return [place for place, token in enumerate(prompt) if token in ids]

    def _send(
        self, scenario: Mapping[str, Any], asked: Sequence[_Asked], sampling: Sequence[Any]
    ) -> list[Sent]:
        prompts = [one.prompt for one in asked]
        if scenario["sent"] == "cut":
            places = [self._places(one.wanted["prompt"]) for one in asked]
            limits = [limit_amid(self.engine, one) for one in places]
            return self.sender.cut(prompts, sampling, limits)
        if scenario["sent"] == "cached":
            return self.sender.cached(prompts, sampling)
        if scenario["sent"] == "alone":
            return self.sender.alone(prompts, sampling)
        return self.sender.together(prompts, sampling)

    def _sampling(self, scenario: Mapping[str, Any], one: _Asked) -> Any:
        """Greedy, as many tokens as HF said."""
        from vllm import SamplingParams

        # A request that wants the prompt's logprobs is not answered from the cache.
        whole = scenario["sent"] != "cached" and self._has_output_for_all()
        sampling = SamplingParams(
            temperature=0.0,
            max_tokens=len(one.wanted["tokens"]),
            ignore_eos=True,
            detokenize=False,
            logprobs=self.payload["top_logprobs"],
            prompt_logprobs=0 if whole else None,
        )
        return self._force(sampling, one.forced) if one.forced else sampling

    def _force(self, sampling: Any, tokens: Sequence[int]) -> Any:
        """Have a request answer with these tokens."""
        return force(sampling, tokens)

    def _has_output_for_all(self) -> bool:
        """Tell whether the vocabulary holds the placeholders: their logprob is looked up too."""
        size = self.engine.llm_engine.model_config.get_vocab_size()
        return all(token < size for token in self.payload["placeholder_ids"])

    def _forced(
        self, scenario: Mapping[str, Any], asked: Sequence[_Asked], found: Sequence[Sent]
    ) -> dict[int, list[dict[str, float]]]:
        """Have HF's own tokens said where others were, so that all logprobs can be compared."""
        pairs = zip(asked, found, strict=True)
        parted = [one for one, sent in pairs if _tokens(sent.output) != one.wanted["tokens"]]
        if not parted or not self.payload["forces"]:
            return {}
        sampling = [
            self._force(self._sampling(scenario, one), one.wanted["tokens"]) for one in parted
        ]
        again = self._send(scenario, parted, sampling)
        self._taken(None)
        return {
            one.index: self._steps_of(sent, how)
            for one, sent, how in zip(parted, again, sampling, strict=True)
        }

    def _control(self, prompt: Sequence[int]) -> int:
        """Send a prompt's words twice, and count what the second has from the cache."""
        from vllm import SamplingParams

        words = [token for token in prompt if token not in self.payload["placeholder_ids"]]
        once = SamplingParams(temperature=0.0, max_tokens=1, detokenize=False)
        sent = self.sender.cached([{"prompt_token_ids": words}] * 2, [once, once])
        return sent[1].cached

    def _answer(self, sent: Sent, sampling: Any, scenario: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "prompt": list(sent.output.prompt_token_ids),
            "tokens": _tokens(sent.output),
            "steps": self._steps_of(sent, sampling),
        }
        if scenario["sent"] == "cached":
            answer["cached"] = sent.cached
        if scenario["sent"] == "cut":
            answer["pieces"] = sent.pieces
        return answer

    def _steps_of(self, sent: Sent, sampling: Any) -> list[dict[str, float]]:
        """The logprobs of each step's candidates, by token, as the model says them."""
        return [
            {str(token): entry.logprob for token, entry in step.items()}
            for step in sent.output.outputs[0].logprobs
        ]

    def _recording(self, scenario: Mapping[str, Any], out: Path) -> AbstractContextManager[None]:
        if not scenario["record"] or self.model is None:
            return nullcontext()
        return self.recorder.recording(out / f"capture-{scenario['name']}")

    def _connector(self) -> Probe | None:
        path = self.payload["connector"]
        return Probe(find_module(self.model, path)) if path and self.model is not None else None

    def _taken(self, connector: Probe | None) -> dict[str, torch.Tensor]:
        """Give what was recorded of the items, and forget it."""
        if self.model is None:
            return {}
        taken = {f"features/{call}": rows for call, rows in enumerate(self.tap.take())}
        if connector is not None:
            taken |= {f"connector/{name}": value for name, value in connector.take().items()}
            connector.close()
        return taken


def _tokens(output: Any) -> list[int]:
    return list(output.outputs[0].token_ids)


def _prompt_logprobs(output: Any) -> torch.Tensor:
    """The logprob of each prompt token but the first, given those before it."""
    import torch

    pairs = zip(output.prompt_token_ids[1:], output.prompt_logprobs[1:], strict=True)
    return torch.tensor([entries[token].logprob for token, entries in pairs])
