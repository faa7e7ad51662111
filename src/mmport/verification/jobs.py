"""The two sides' jobs: what each worker is given, and in which environment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmport.engines.supervise import Job
from mmport.model.evidence import Stage
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import pixel_bound
from mmport.verification.cases import NEW_TOKENS, Questions
from mmport.verification.processor_questions import processor_search
from mmport.verification.questions import questions
from mmport.verification.selection import WHOLE, Selection
from mmport.verification.subjects import Subject

REFERENCE = "reference"
_TOP_LOGPROBS = 20
# By itself the CPU's engine caches prefixes in blocks that are longer than our prompts.
_CPU_ARGUMENTS = {"block_size": 32}


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how the comparison runs.

    `model` is a folder with the checkpoint; `facts` are of it; `name` and
    `revision` say what the user asked for, as the evidence does. `work` is
    a folder for the workers' files. `timeout` is in seconds, for each worker.
    """

    model: Path
    facts: ModelFacts
    name: str
    revision: str | None
    tiny: bool
    vllm_python: Path
    hf_python: Path
    work: Path
    dtype: str = "float32"
    """Where the model does not demand another one."""
    gpu: bool = False
    timeout: float = 400.0
    vllm_version: str = "unknown"
    trust_remote_code: bool = False
    selection: Selection = WHOLE
    tensor_parallel: int = 1
    """Ranks of a second engine that is asked as well; 1: there is none."""
    compiled: bool = False
    """Whether an engine with torch.compile and CUDA graphs is asked as well."""
    memory: float = 0.5
    """The share of a GPU's memory that the engine may take."""
    legacy: bool = False
    """Whether the engine is one of vLLM's first multimodal API."""
    beside_older: bool = False
    """Whether transformers 4 is what the engine has beside it."""
    with_torchvision: tuple[str, ...] = ()
    """Image processors that resize with torchvision there all the same."""

    @property
    def run_dtype(self) -> str:
        """The dtype that both sides run in."""
        return self.facts.dtype or self.dtype

    @property
    def asked(self) -> Questions:
        """What both sides are asked."""
        return self.selection.of(questions(self.facts))


def reference_job(setup: Setup) -> Job:
    """The HF worker's job; it writes to `setup.work / REFERENCE`."""
    payload = _shared_payload(setup) | {
        "device": "cuda" if setup.gpu else "cpu",
        # HF's own definition: its other kernels leave things out (sdpa ignores the
        # softcap of Gemma 2's attention).
        "attention": "eager",
        "auto_class": setup.facts.auto_class,
        "image_shape": _image_shape(setup.facts),
        # transformers 4 resizes with PIL, whose rounding torchvision does not share.
        "with_pil": setup.beside_older,
        "not_with_pil": list(setup.with_torchvision),
    }
    out = setup.work / REFERENCE
    return Job(REFERENCE, setup.hf_python, "hf", payload, out, quiet_environment())


def subject_job(setup: Setup, subject: Subject, reference: Path) -> Job:
    """The engine worker's job; `reference` is the folder of HF's answers, made or being made."""
    asked = setup.asked
    # An engine that is to take no item leaves out what makes features of it.
    whole = questions(setup.facts)
    length = whole.context_length(setup.facts.tokens_per_item)
    payload = _shared_payload(setup) | {
        "entry_point": subject.entry_point,
        "model_class": subject.model_class,
        "architecture": setup.facts.architecture,
        "model_impl": subject.model_impl,
        # vLLM's own class may want another placeholder; its backend is given HF's.
        "own_text": subject.implementation == "in-tree",
        "max_model_len": length,
        "limit_mm_per_prompt": whole.most_items(),
        "enable_mm_embeds": any(scenario.embeds for scenario in asked.scenarios),
        "top_logprobs": _TOP_LOGPROBS,
        "engine_arguments": (
            {"gpu_memory_utilization": setup.memory} if setup.gpu else _CPU_ARGUMENTS
        ),
        "tensor_parallel": 1,
        "compiled": False,
        "observes": True,
        "forces": True,
        "reference": str(reference.resolve()),
        # A port of the first API may bring a modality of its own for its model's items.
        "data_keys": {setup.facts.modalities[0].kind: subject.modality} if subject.modality else {},
    }
    environment = _engine_environment(setup, subject, length)
    out = setup.work / subject.name
    task = "legacy.engine" if setup.legacy else "vllm_engine"
    return Job(subject.name, setup.vllm_python, task, payload, out, environment)


def question_key(setup: Setup) -> str:
    """Hash all that the reference's answers depend on, but for the checkpoint itself."""
    payload = dict(reference_job(setup).payload)
    del payload["model"]
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _shared_payload(setup: Setup) -> dict[str, Any]:
    asked = setup.asked
    return {
        "model": str(setup.model.resolve()),
        "trust_remote_code": setup.trust_remote_code,
        "dtype": setup.run_dtype,
        # A tiny model's threads would only wait for each other, the more so where
        # other programs run: 100 times longer was seen. 0: as many as there are.
        "threads": 1 if setup.tiny else 0,
        "checkpoint_files": list(setup.facts.checkpoint_files),
        "processor_kwargs": dict(setup.facts.processor_kwargs),
        "placeholder_ids": [
            modality.token_id
            for modality in setup.facts.modalities
            if modality.token_id is not None
        ],
        "trace_weights": setup.facts.knows_parts,
        # What has a part in these answers is used, whatever else is asked.
        "typical": [
            asdict(request)
            for scenario in questions(setup.facts).scenarios
            if scenario.record
            for request in scenario.requests
        ],
        "connector": setup.facts.connector.rpartition(".")[2],
        "new_tokens": NEW_TOKENS,
        "runs_model": setup.selection.runs_model,
        "runs_processor": setup.selection.wants(Stage.PROCESSOR),
        "runs_budget": setup.selection.wants(Stage.BUDGET),
        "processor_cases": [asdict(case) for case in asked.processor_cases],
        "processor_search": processor_search(setup.facts),
        "pixel_bound": float(pixel_bound(setup.run_dtype)),
        "scenarios": [asdict(scenario) for scenario in asked.scenarios],
    }


def _image_shape(facts: ModelFacts) -> list[int]:
    """Channels, height and width of a typical image; nothing where it takes none."""
    for modality in facts.modalities:
        if modality.kind == "image":
            return [3, modality.height, modality.width]
    return []


def quiet_environment() -> dict[str, str]:
    """No hub and no telemetry: all that is needed lies in the model's folder."""
    return {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # Both sides run at once: a thread that has nothing to do leaves its core.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def engine_constants() -> dict[str, str]:
    """What every engine's worker has in its environment, whatever it is to do."""
    return quiet_environment() | {
        # In one process the model can be reached, and the start is quicker.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # A port that is installed must not stand in for what is being tested.
        "VLLM_PLUGINS": "",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
    }


def _engine_environment(setup: Setup, subject: Subject, length: int) -> dict[str, str]:
    environment = engine_constants()
    if setup.legacy:  # releases that have two engines have the first API in this one
        environment["VLLM_USE_V1"] = "0"
    if not setup.gpu:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(_cache_space(setup, length))
    if subject.folder is not None:
        environment["PYTHONPATH"] = str(subject.folder.resolve())
        # What runs is the source that was hashed, and nothing is left in its folder.
        environment["PYTHONPYCACHEPREFIX"] = str((setup.work / "bytecode").resolve())
    return environment


def _cache_space(setup: Setup, length: int) -> int:
    """GiB of key-value cache that the longest request needs, at most, and one more."""
    element = 4 if setup.run_dtype == "float32" else 2
    return length * setup.facts.cache_elements * element // 2**30 + 2
