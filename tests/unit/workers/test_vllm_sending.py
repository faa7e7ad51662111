"""How prompts are sent, to an engine that only notes what it is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.workers.vllm_sending import Sender, limit_amid, refuses_pieces

PROMPT = 20


class Scheduler:
    """Takes as many tokens of a prompt as it may, then one a step."""

    max_num_scheduled_tokens = 4096

    def __init__(self) -> None:
        self.left = PROMPT

    def schedule(self) -> Any:
        taken = min(self.left, self.max_num_scheduled_tokens) or 1
        self.left -= min(self.left, taken)
        return SimpleNamespace(total_num_scheduled_tokens=taken)


class Engine:
    """Notes the calls; a prompt is a name."""

    def __init__(self, *, whole: bool = False, chunked: bool = True, inside: bool = True) -> None:
        self.calls: list[Any] = []
        self.scheduler = Scheduler()
        core = SimpleNamespace(scheduler=self.scheduler) if inside else None
        config = SimpleNamespace(disable_chunked_mm_input=whole, enable_chunked_prefill=chunked)
        self.llm_engine = SimpleNamespace(
            vllm_config=SimpleNamespace(scheduler_config=config),
            engine_core=SimpleNamespace(engine_core=core),
            reset_encoder_cache=lambda: self.calls.append("forget"),
        )

    def reset_prefix_cache(self) -> None:
        pass

    def reset_mm_cache(self) -> None:
        pass

    def generate(self, prompts: list[str], sampling: list[Any], *, use_tqdm: bool) -> list[Any]:
        assert len(prompts) == len(sampling)
        self.calls.append(prompts)
        self.scheduler.left = PROMPT
        while self.scheduler.left:
            self.scheduler.schedule()
        self.scheduler.schedule()
        return [
            SimpleNamespace(num_cached_tokens=None, prompt_token_ids=[0] * PROMPT) for _ in prompts
        ]


def test_a_batch_goes_at_once_and_to_an_engine_that_remembers_nothing() -> None:
    engine = Engine()
    assert len(Sender(engine).together(["a", "b"], [0, 0])) == 2
    assert engine.calls == ["forget", ["a", "b"]]


def test_requests_that_are_sent_alone_find_nothing_of_each_other() -> None:
    engine = Engine()
    Sender(engine).alone(["a", "b"], [0, 0])
    assert engine.calls == ["forget", ["a"], "forget", ["b"]]


def test_cached_requests_find_what_those_before_left() -> None:
    engine = Engine()
    sent = Sender(engine).cached(["a", "b"], [0, 0])
    assert engine.calls == ["forget", ["a"], ["b"]]
    assert [one.cached for one in sent] == [0, 0]


def test_a_prompt_is_cut_and_the_scheduler_is_as_before() -> None:
    engine = Engine()
    (sent,) = Sender(engine).cut(["a"], [0], [8])
    assert sent.pieces == [8, 8, 4]
    assert engine.scheduler.max_num_scheduled_tokens == 4096
    assert "schedule" not in vars(engine.scheduler)


def test_an_engine_that_raises_leaves_the_scheduler_as_before() -> None:
    engine = Engine()
    engine.generate = lambda *_, **__: 1 / 0  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        Sender(engine).cut(["a"], [0], [8])
    assert engine.scheduler.max_num_scheduled_tokens == 4096


@given(first=st.integers(0, 500), length=st.integers(2, 500))
def test_the_first_piece_ends_amid_the_item(first: int, length: int) -> None:
    places = range(first, first + length)
    assert first < limit_amid(Engine(), places) < first + length


@given(first=st.integers(0, 500), length=st.integers(2, 500))
def test_an_item_that_is_taken_whole_has_room(first: int, length: int) -> None:
    limit = limit_amid(Engine(whole=True), range(first, first + length))
    assert limit >= length
    assert limit < first + length or not first


def test_an_engine_says_why_it_cannot_cut() -> None:
    assert refuses_pieces(Engine()) == ""
    assert "in one piece" in refuses_pieces(Engine(chunked=False))
    assert "another process" in refuses_pieces(Engine(inside=False))
