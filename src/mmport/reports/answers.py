"""What each side said, token by token, and where they first say another thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_BEST = 3
_SPACES = ("\N{LOWER ONE EIGHTH BLOCK}", "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}")
"""How tokenizers write the space before a word."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer: its text, as far as it is known, and its logprob in nats."""

    id: int
    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as both sides answered it; `parted` is the first step that differs."""

    scenario: str
    request: int
    prompt: str
    prompt_tokens: int
    hf: tuple[Token, ...]
    vllm: tuple[Token, ...]
    parted: int | None
    best_hf: tuple[Token, ...] = ()
    """HF's best candidates where they part."""
    best_vllm: tuple[Token, ...] = ()


class Vocabulary:
    """Texts of token ids, from the model's `tokenizer.json`, if there is one.

    The file is data of the tokenizers library; no code of the model is run.
    """

    def __init__(self, model: Path) -> None:
        self._tokenizer: Any = None
        path = model / "tokenizer.json"
        if path.is_file():
            from tokenizers import Tokenizer

            try:
                self._tokenizer = Tokenizer.from_file(str(path))
            except Exception:
                # The library raises nothing narrower; the ids are shown without texts.
                self._tokenizer = None

    def text(self, token: int) -> str:
        """The text of one token, its leading space included; empty if it is not known."""
        name = self._tokenizer.id_to_token(token) if self._tokenizer is not None else None
        if name is None:
            return ""
        text: str = self._tokenizer.decode([token], skip_special_tokens=False)
        if not text or "\N{REPLACEMENT CHARACTER}" in text:
            return _shown(str(name))
        return _shown(f" {text.lstrip(' ')}" if name.startswith(_SPACES) else text)


def collect_answers(
    reference: Path, candidate: Path, vocabulary: Vocabulary, texts: Mapping[str, Sequence[str]]
) -> tuple[Answer, ...]:
    """Pair the answers of every request that both sides answered.

    Args:
        reference: the folder of HF's answers.
        candidate: the folder of the engine's answers.
        vocabulary: of the model.
        texts: the prompts of each scenario, in the order in which they were asked.
    """
    ours, theirs = StageFiles(reference), StageFiles(candidate)
    return tuple(
        answer
        for scenario, prompts in texts.items()
        for answer in _of_scenario(scenario, prompts, ours, theirs, vocabulary)
    )


def _of_scenario(
    scenario: str,
    prompts: Sequence[str],
    ours: StageFiles,
    theirs: StageFiles,
    vocabulary: Vocabulary,
) -> Iterator[Answer]:
    stage = scenario_stage(scenario)
    wanted, given = ours.document(stage), theirs.document(stage)
    if wanted is None or given is None:
        return
    tensors = ours.tensors(stage)
    answered = zip(prompts, wanted["requests"], given["requests"], strict=False)
    for index, (prompt, hf, vllm) in enumerate(answered):
        if hf is None or vllm is None:
            continue
        ours_said = _Side(hf["tokens"], _Dense(tensors.get(f"{index}/steps")), vocabulary)
        theirs_said = _Side(vllm["tokens"], _Ranked(vllm.get("steps", ())), vocabulary)
        parted = _first_other(hf["tokens"], vllm["tokens"])
        yield Answer(
            scenario,
            index,
            prompt,
            len(hf.get("prompt", ())),
            ours_said.said(),
            theirs_said.said(),
            parted,
            () if parted is None else ours_said.best(parted),
            () if parted is None else theirs_said.best(parted),
        )


def _first_other(expected: Sequence[int], found: Sequence[int]) -> int | None:
    pairs = enumerate(zip(expected, found, strict=False))
    parted = next((step for step, (ours, theirs) in pairs if ours != theirs), None)
    if parted is None and len(expected) != len(found):
        return min(len(expected), len(found))
    return parted


class _Logprobs(Protocol):
    """The logprobs that one side gave at each step."""

    def of(self, step: int, token: int) -> float | None: ...

    def best(self, step: int) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class _Dense:
    """HF's: (steps, vocabulary), or nothing."""

    steps: Array | None

    def of(self, step: int, token: int) -> float | None:
        if self.steps is None or step >= len(self.steps) or token >= self.steps.shape[-1]:
            return None
        return float(self.steps[step][token])

    def best(self, step: int) -> list[int]:
        if self.steps is None or step >= len(self.steps):
            return []
        return [int(token) for token in (-self.steps[step]).argsort()[:_BEST]]


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The engine's: its best tokens of each step."""

    steps: Sequence[Mapping[str, float]]

    def of(self, step: int, token: int) -> float | None:
        return self.steps[step].get(str(token)) if step < len(self.steps) else None

    def best(self, step: int) -> list[int]:
        if step >= len(self.steps):
            return []
        entries = self.steps[step]
        return [int(token) for token in sorted(entries, key=lambda one: -entries[one])[:_BEST]]


@dataclass(frozen=True, slots=True)
class _Side:
    """One side's answer to one request."""

    tokens: Sequence[int]
    logprobs: _Logprobs
    vocabulary: Vocabulary

    def said(self) -> tuple[Token, ...]:
        return tuple(self._token(step, token) for step, token in enumerate(self.tokens))

    def best(self, step: int) -> tuple[Token, ...]:
        return tuple(self._token(step, token) for token in self.logprobs.best(step))

    def _token(self, step: int, token: int) -> Token:
        return Token(token, self.vocabulary.text(token), self.logprobs.of(step, token))


def _shown(text: str) -> str:
    """A token's text without control characters, a line's end as a sign."""
    end = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
    return "".join(
        end if char == "\n" else char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
