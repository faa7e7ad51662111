"""One engine with a right implementation, mutated in many ways, one after the other.

The engine starts once. Unmutated it answers everything, as in a comparison, into
`unmutated/`; then each mutant answers a few scenarios, into a folder
`mutants/N` that looks like any candidate's. Whoever judges a folder removes it:
at most a few lie there at a time.
"""

from __future__ import annotations

import itertools
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from . import vllm_engine
from .awaiting import await_file
from .budget import write_budget_stage
from .capture import Recorder, find_language_model
from .exchange import write_stage
from .mutants.groups import Mutant, choose, find_mutants
from .mutants.patches import overwritten
from .mutants.specimen import Specimen
from .runner import write_json
from .tap import VLLM_METHODS, FeatureTap
from .vllm_processing import read_reference
from .vllm_processor_stage import write_processor_stage
from .weight_trace import traced

UNMUTATED = "unmutated"
AGAIN = "again"
"""The unmutated scenarios of the mutants, a second time: equal, if a run can be repeated."""
RESTORED = "restored"
"""The same after all mutants: equal, if each was taken back whole."""
MUTANTS = "mutants"

_UNJUDGED = 6
_POLL_SECONDS = 0.02
_SCENARIO = "scenario-"

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Answer everything unmutated, then the scenarios that concern it with each mutant.

    Beyond what the engine's worker is given, the payload holds `trials` (names of
    scenarios under `always`, `items` and `cached`), `limit` (how many mutants at
    most, 0 for all), `kinds` (names of kinds, none for all) and `patience`
    (seconds for one).

    Returns:
        The engine's versions; `found`, how many mutants there are of each kind.
        Those that are tried stand in `mutants.json` before the first of them.
    """
    report("importing vllm")
    import vllm  # noqa: F401 - what is changed next is part of it

    _keep_weights()
    unmutated = out / UNMUTATED
    unmutated.mkdir(parents=True, exist_ok=True)
    runner, versions = vllm_engine.start(payload, unmutated, report)
    if runner is None:
        raise ValueError("there is nothing to mutate where no model is run")
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        runner.write_scenario(scenario, unmutated)
    bench = _Bench(runner, payload, unmutated)
    report("looking for places")
    found = _wanted(find_mutants(bench.specimen()), payload["kinds"])
    chosen = choose(found, payload["limit"])
    bench.try_out(None, out / AGAIN)
    reference = Path(payload["reference"])
    await_file(reference / "result.json", ended=reference / "error.json")
    described = [_described(mutant) for mutant in chosen]
    write_json(out / "mutants.json", {"mutants": described, "order": bench.order})
    report(f"judging {UNMUTATED}")
    for number, mutant in enumerate(chosen):
        _await_room(out / MUTANTS)
        bench.try_out(mutant, out / MUTANTS / str(number))
        report(f"judging {number}")
    bench.try_out(None, out / RESTORED)
    counts = {kind: len(list(of)) for kind, of in itertools.groupby(found, lambda one: one.kind)}
    return {**versions, "found": counts}


def _keep_weights() -> None:
    """Have linear layers use their weight as it is, and not a packed copy of it."""
    import torch
    from vllm.model_executor.layers import utils

    def as_it_is(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    utils.dispatch_cpu_unquantized_gemm = as_it_is


def _wanted(mutants: Sequence[Mutant], kinds: Sequence[str]) -> list[Mutant]:
    return [mutant for mutant in mutants if not kinds or mutant.kind in kinds]


def _described(mutant: Mutant) -> dict[str, Any]:
    return {
        "kind": mutant.kind,
        "group": mutant.group,
        "place": mutant.place,
        "stages": list(mutant.stages),
        "concerns": list(mutant.scenarios),
    }


def _await_room(folder: Path) -> None:
    """Wait until only a few folders are left to be judged."""
    folder.mkdir(parents=True, exist_ok=True)
    while sum(1 for _ in folder.iterdir()) >= _UNJUDGED:
        time.sleep(_POLL_SECONDS)


class _Bench:
    """The started engine, on which mutants are tried out."""

    def __init__(self, runner: Any, payload: dict[str, Any], unmutated: Path) -> None:
        self.runner = runner
        self.order: list[dict[str, Any]] = []
        self._payload = payload
        self._unmutated = unmutated
        self._files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]
        self._scenarios = {scenario["name"]: scenario for scenario in payload["scenarios"]}
        # Tokens that part are a finding already: nobody need know what would have come after.
        runner.payload = payload | {"forces": False}
        _take_off(runner.model)

    def specimen(self) -> Specimen:
        """Run one scenario with an item, and see what the model consists of."""
        item = next(
            one for one in self._scenarios.values() if one["record"] and one["requests"][0]["items"]
        )
        places = self._places(item)
        specimen = Specimen(
            self.runner.model,
            self.runner.engine.llm_engine.model_config.dtype,
            self._processors(),
            tuple(self._files),
            (min(places, default=0), max(places, default=0)),
        )
        scratch = self._unmutated.parent / "scratch"
        with _observed(self.runner):
            specimen.watch(lambda: self._answer({**item, "record": False}, scratch))
        self.order = specimen.order()
        return specimen

    def _places(self, scenario: Mapping[str, Any]) -> list[int]:
        reference = read_reference(self._payload, f"scenario-{scenario['name']}")
        prompt = reference["requests"][0]["prompt"]
        ids = self._payload["placeholder_ids"]
        return [place for place, token in enumerate(prompt) if token in ids]

    def _processors(self) -> tuple[Any, ...]:
        own = self.runner.engine.llm_engine.renderer.get_mm_processor()
        return (
            (self.runner.processor,)
            if own is self.runner.processor
            else (
                self.runner.processor,
                own,
            )
        )

    def try_out(self, mutant: Mutant | None, folder: Path) -> None:
        """Answer with a mutant in the engine, or with none; an exception is an answer, too."""
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        doing = ["starting"]
        try:
            with _patience(self._payload["patience"]), ExitStack() as stack:
                if mutant is not None and not mutant.outside:
                    stack.enter_context(mutant.apply())
                stack.enter_context(_observed(self.runner))
                if mutant is not None and mutant.outside:
                    stack.enter_context(mutant.apply())
                self._answer_all(mutant, folder, doing)
        except Exception as error:
            write_json(folder / "error.json", _as_error(error, doing[0]))
            self._recover()
        for cache in self._key_values():
            cache.zero_()  # what is no number there would reach those who come later
        for file in self._unmutated.iterdir():
            is_stage = file.is_file() and not file.name.startswith(_SCENARIO)
            if is_stage and not (folder / file.name).exists():
                (folder / file.name).symlink_to(file.resolve())
        write_json(folder / "tried.json", {"seconds": time.monotonic() - start})

    def _answer_all(self, mutant: Mutant | None, folder: Path, doing: list[str]) -> None:
        parts = mutant.parts if mutant else ("scenarios",)
        if "weights" in parts:
            doing[0] = "loading"
            required = self._payload["trace_weights"]
            model = self.runner.model
            with overwritten(lambda: None, *model.parameters(), *model.buffers()):
                write_stage(folder, "weights", traced(model, self._files, required=required))
        doing[0] = "processing"
        if "processor" in parts:
            write_processor_stage(self.runner.processor, self._payload, folder)
        if "budget" in parts:
            write_budget_stage(self.runner.processor, self._payload, folder)
        config = self.runner.processor.info.ctx.model_config
        described = vllm_engine.describe_model(self.runner.model, config, self._payload)
        write_stage(folder, "modules", described)
        if "scenarios" in parts:
            for name in self._concerned(mutant):
                doing[0] = f"running {name}"
                self._answer(self._scenarios[name], folder)

    def _concerned(self, mutant: Mutant | None) -> list[str]:
        trials = self._payload["trials"]
        groups = ("always", *(mutant.scenarios if mutant else trials))
        return list(dict.fromkeys(name for group in groups for name in trials[group]))

    def _answer(self, scenario: dict[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.runner.write_scenario(scenario, folder)

    def _recover(self) -> None:
        """Have the engine forget the requests of a run that broke off."""
        engine = self.runner.engine.llm_engine
        pending = list(engine.output_processor.request_states)
        if pending:
            engine.abort_request(pending, internal=True)
        core = engine.engine_core.engine_core
        core.scheduler.finish_requests(None, _aborted())
        model_runner = self._model_runner()
        if hasattr(model_runner, "execute_model_state"):
            model_runner.execute_model_state = None
        self.runner.sender.empty_caches()

    def _model_runner(self) -> Any:
        core = self.runner.engine.llm_engine.engine_core.engine_core
        worker = core.model_executor.driver_worker
        return getattr(worker, "worker", worker).model_runner

    def _key_values(self) -> Iterator[Any]:
        """The tensors of the key-value cache; a layer's may be several."""
        pending = list(self._model_runner().kv_caches)
        while pending:
            found = pending.pop()
            if hasattr(found, "zero_"):
                yield found
            elif found is not None:
                pending.extend(found)


def _aborted() -> Any:
    from vllm.v1.request import RequestStatus

    return RequestStatus.FINISHED_ABORTED


@contextmanager
def _observed(runner: Any) -> Iterator[None]:
    """Have features tapped and modules recorded inside the block, over whatever is mutated."""
    model = runner.model
    before = _own_methods(model)
    hooks = [
        (held, dict(held))
        for module in model.modules()
        for held in (module._forward_hooks, module._forward_hooks_with_kwargs)
    ]
    runner.tap = FeatureTap(model, VLLM_METHODS)
    runner.recorder = Recorder(model, also=find_language_model(model))
    try:
        yield
    finally:
        for module, own in before:
            for name in ("forward", *VLLM_METHODS):
                vars(module).pop(name, None)
            vars(module).update(own)
        for held, kept in hooks:  # a scenario that broke off left its own
            held.clear()
            held.update(kept)


def _own_methods(model: Any) -> list[tuple[Any, dict[str, Any]]]:
    names = ("forward", *VLLM_METHODS)
    return [
        (module, {name: vars(module)[name] for name in names if name in vars(module)})
        for module in model.modules()
    ]


def _take_off(model: Any) -> None:
    """Take the tap and the recorder off again that the runner put on."""
    for module, own in _own_methods(model):
        for name, method in own.items():
            inner = getattr(method, "__wrapped__", None)
            del vars(module)[name]
            if inner is not None and inner != getattr(module, name):
                setattr(module, name, inner)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` where a mutant takes longer: some have the engine wait for ever."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _as_error(error: Exception, phase: str) -> dict[str, str]:
    return {
        "phase": phase,
        "type": type(error).__qualname__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
