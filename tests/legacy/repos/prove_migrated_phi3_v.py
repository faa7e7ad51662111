"""Runs in today's engine: a migrated model file against the stand-in for Phi-3.5-vision.

`python prove_migrated_phi3_v.py MODEL FILE CLASS`, with the file's folder on `PYTHONPATH`,
prints one JSON document as `prove_phi3_v.py` does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"

import prove_phi3_v as stand_in
import torch


class Engine(stand_in.Engine):
    """The migrated class in today's engine."""

    def __init__(self, folder: Path, file: Path, class_name: str) -> None:
        import vllm

        vllm.ModelRegistry.register_model("Phi3VForCausalLM", f"{file.stem}:{class_name}")
        self.sampling = vllm.SamplingParams(
            temperature=0, max_tokens=stand_in.NEW_TOKENS, logprobs=1, ignore_eos=True
        )
        self.llm = vllm.LLM(
            str(folder),
            dtype="float32",
            enforce_eager=True,
            max_model_len=1024,
            max_num_seqs=8,
            trust_remote_code=True,
            limit_mm_per_prompt={"image": 3},
            enable_mm_embeds=True,
        )


def prove(folder: Path, file: Path, class_name: str) -> dict:
    questions = stand_in.asked()
    reference, engine = stand_in.Reference(), Engine(folder, file, class_name)
    wanted = [reference.answer(prompt, [image]) for prompt, image in questions]
    images = [image for _, image in questions]
    # One by one: the file takes no list of features, which those of several sizes are.
    given = [(prompt, reference.features(image)[None].clone()) for prompt, image in questions]
    found = {
        "one by one": ([engine.answers([one])[0] for one in questions], wanted),
        "a batch": (engine.answers(questions), wanted),
        "several": (
            engine.answers([(stand_in.SEVERAL, images)]),
            [reference.answer(stand_in.SEVERAL, images)],
        ),
        "features": ([engine.answers([one])[0] for one in given], wanted),
    }
    return {name: stand_in.compared(*sides) for name, sides in found.items()}


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    model, path, name = sys.argv[1:]
    print(json.dumps(prove(Path(model), Path(path), name)))
