"""By how much HF parts from itself: in a finer dtype, and with another attention.

A *variant* is the same checkpoint, computed in another way that is as right. It
answers the prompts that HF answered already (`scenario-*`), by one forward pass
each, and where they part is rounding. What another variant cannot run is noted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .capture import Recorder, find_decoder
from .exchange import write_stage
from .greedy import generate_greedily
from .neighbours import each_alone, values_alone
from .tap import HF_METHODS, FeatureTap

if TYPE_CHECKING:
    import torch

    from .hf_scenarios import Reference

Report = Callable[[str], None]
Load = Callable[[Mapping[str, Any]], Any]
"""Loads the checkpoint once more, with these changes to the payload."""

_FINER = {"float32": "float64", "bfloat16": "float32", "float16": "float32"}
_ATTENTION = "sdpa"
_MOST_BYTES = 2**29
"""Of a second copy of the weights: for those of a full-sized model there is no room."""
_NOT_OF_THE_PROMPT = ("forced", "vllm_text")


def write_noise(
    reference: Reference, load: Load, payload: Mapping[str, Any], out: Path, report: Report
) -> None:
    """Have each variant answer, and write the stage `noise`.

    The document has `same`: for each `SCENARIO/INDEX` that HF answered, the one
    that stands for all with its prompt. And `variants`: by name, whether it is
    `finer`, those of them that were `answered`, and `left_out`, reasons by the
    same keys, or by "" where nothing was run. Tensors are
    `VARIANT/SCENARIO/INDEX/…`: `prompt` and `last`, as a scenario's `prompt` and
    first of `steps`, and `features/CALL`. The modules' records of a recorded
    scenario go to `capture-SCENARIO@VARIANT`.

    To be called last: the reference's model is another one afterwards.
    """
    finer = _FINER[payload["dtype"]]
    makers: dict[str, Callable[[], _Variant]] = {
        finer: lambda: _in_finer_dtype(reference, load, finer),
        _ATTENTION: lambda: _with_other_attention(reference),
    }
    same, prompts = _answered(reference, payload, out)
    variants: dict[str, dict[str, Any]] = {}
    tensors: dict[str, torch.Tensor] = {}
    for name, make in makers.items():
        report(f"measuring noise: {name}")
        answers, left_out = _answers(name, make, prompts, out)
        variants[name] = {"finer": name == finer, "answered": list(answers), "left_out": left_out}
        for key, answer in answers.items():
            tensors |= {f"{name}/{key}/{part}": value for part, value in answer.items()}
    write_stage(out, "noise", {"same": same, "variants": variants}, tensors)


class _Prompt(NamedTuple):
    """What a model is called with, and the scenario to record it for, if it is to be."""

    inputs: Mapping[str, Any]
    record: str
    singles: Sequence[Mapping[str, Any]]
    """Inputs of its items each by itself, where HF's features of one change beside others."""


def _answers(
    name: str, make: Callable[[], _Variant], prompts: Mapping[str, _Prompt], out: Path
) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, str]]:
    """A variant's answers by prompt, and why there are no others."""
    answers: dict[str, dict[str, torch.Tensor]] = {}
    left_out: dict[str, str] = {}
    try:
        variant = make()
    except Exception as error:  # what does not run is noted, and the answers are written
        return answers, {"": _reason(error)}
    for key, prompt in prompts.items():
        folder = out / f"capture-{prompt.record}@{name}" if prompt.record else None
        try:
            answers[key] = variant.answer(prompt, folder)
        except Exception as error:  # as above
            left_out[key] = _reason(error)
    return answers, left_out


class _NotRun(Exception):
    """A variant that there is no use in running, or no room for."""


class _Variant:
    """The model, computed in another way."""

    def __init__(self, model: Any, tap: FeatureTap, recorder: Recorder) -> None:
        self._model = model
        self._tap = tap
        self._recorder = recorder

    def answer(self, prompt: _Prompt, folder: Path | None) -> dict[str, torch.Tensor]:
        """Answer a prompt by one forward pass; record the modules where a folder is given."""
        import torch

        self._tap.take()
        # What HF's model rounded its inputs to, the variant computes with as well.
        inputs, *singles = (
            {name: self._placed(value) for name, value in given.items()}
            for given in (prompt.inputs, *prompt.singles)
        )
        with ExitStack() as around:
            around.enter_context(torch.inference_mode())
            around.enter_context(self._arithmetic())
            alone = values_alone(self._tap, lambda one: self._model(**one), singles)
            around.enter_context(each_alone(self._tap, alone))
            if folder is not None:
                around.enter_context(self._recorder.recording(folder))
            if getattr(self._model.config, "is_encoder_decoder", False):
                _, logits = generate_greedily(self._model, inputs, 1)
                answer = {"last": logits[0].log_softmax(-1)}
            else:
                logits = self._model(**inputs).logits[0]
                answer = _of_the_prompt(logits, inputs["input_ids"][0])
        calls = enumerate(self._tap.take())
        return answer | {f"features/{call}": rows for call, rows in calls}

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Compute in float64 throughout inside the block, if that is the model's dtype."""
        import torch

        if self._model.dtype is not torch.float64:
            yield
            return
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with _doubling():
                yield
        finally:
            torch.set_default_dtype(usual)

    def _placed(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            return value.to(self._model.dtype) if value.is_floating_point() else value
        if isinstance(value, (list, tuple)):
            return type(value)(self._placed(item) for item in value)
        return value


def _in_finer_dtype(reference: Reference, load: Load, dtype: str) -> _Variant:
    """The checkpoint once more, in a dtype of twice the size.

    Raises:
        _NotRun: it is too large.
    """
    import torch

    elements = sum(part.numel() for part in reference.model.parameters())
    size = elements * getattr(torch, dtype).itemsize
    if size > _MOST_BYTES:
        raise _NotRun(f"the weights would take another {size / 2**30:.1f} GiB")
    model = load({"dtype": dtype})
    if dtype == "float64":
        model.double()  # the buffers too
        if hasattr(model, "set_experts_implementation"):
            model.set_experts_implementation("eager")  # no grouped kernel takes float64
    recorder = Recorder(model, also=(find_decoder(model),))
    return _Variant(model, FeatureTap(model, HF_METHODS), recorder)


def _with_other_attention(reference: Reference) -> _Variant:
    """The very model, with its attention exchanged.

    Raises:
        _NotRun: it has that attention already, or cannot have it.
    """
    model = reference.model
    if getattr(model.config, "_attn_implementation", None) == _ATTENTION:
        raise _NotRun(f"HF's own answers were computed with {_ATTENTION}")
    before = _attentions(model)
    model.set_attn_implementation(_ATTENTION)
    if _attentions(model) == before:
        raise _NotRun(f"the model has no {_ATTENTION} attention")
    return _Variant(model, reference.tap, reference.recorder)


def _attentions(model: Any) -> list[str | None]:
    return [
        getattr(getattr(part, "config", None), "_attn_implementation", None)
        for part in model.modules()
    ]


@contextmanager
def _doubling() -> Iterator[None]:
    """Compute in float64 what a model's own code casts to float32: norms, rotations, softmax."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Doubling(TorchFunctionMode):  # type: ignore[misc]  # torch is not where types are checked
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is torch.Tensor.float:
                func = torch.Tensor.double
            given = {name: _doubled(value) for name, value in (kwargs or {}).items()}
            return func(*map(_doubled, args), **given)

    with Doubling():
        yield


def _doubled(value: Any) -> Any:
    import torch

    return torch.float64 if value is torch.float32 else value


def _of_the_prompt(logits: torch.Tensor, prompt: torch.Tensor) -> dict[str, torch.Tensor]:
    """The logprob of each prompt token but the first, and all logprobs of the next token.

    Args:
        logits: (prompt length, vocabulary), or of the last position alone.
        prompt: token ids.
    """
    import torch

    logprobs = logits.log_softmax(-1)
    answer = {"last": logprobs[-1]}
    if len(logprobs) == len(prompt):
        ids = prompt[1:]
        known = ids < logprobs.shape[-1]
        given = logprobs[:-1].gather(-1, torch.where(known, ids, 0)[:, None])[:, 0]
        answer["prompt"] = torch.where(known, given, torch.nan)
    return answer


def _answered(
    reference: Reference, payload: Mapping[str, Any], out: Path
) -> tuple[dict[str, str], dict[str, _Prompt]]:
    """List what HF answered: by `SCENARIO/INDEX` who stands for it, and the prompts of those."""
    stands: dict[str, str] = {}
    same: dict[str, str] = {}
    prompts: dict[str, _Prompt] = {}
    # Those that are recorded come first: no other may stand for them.
    for scenario in sorted(payload["scenarios"], key=lambda one: not one["record"]):
        path = out / f"scenario-{scenario['name']}.json"
        answers = json.loads(path.read_text(encoding="utf-8"))["requests"]
        for index, (request, answer) in enumerate(zip(scenario["requests"], answers, strict=True)):
            if answer is None:
                continue
            parts = {key: value for key, value in request.items() if key not in _NOT_OF_THE_PROMPT}
            key = f"{scenario['name']}/{index}"
            same[key] = stands.setdefault(json.dumps(parts, sort_keys=True), key)
            if same[key] == key:
                record = scenario["name"] if scenario["record"] else ""
                singles = reference.alone(request).inputs
                prompts[key] = _Prompt(reference.inputs(request), record, singles)
    return same, prompts


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, _NotRun) else f"{type(error).__name__}: {error}"
