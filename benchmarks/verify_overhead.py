"""Times `mmport verify` beside what it cannot avoid: the engine's start and one answer.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/verify_overhead.py [--runs 3]

Both use the same tiny LLaVA. The bare program imports vLLM, starts the engine
with vLLM's own class and asks one question about an image; `verify` runs both
sides, all stages and all scenarios. The runs alternate, and the ratio is what
counts: nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny

BARE = """
import sys
from PIL import Image
from vllm import LLM, SamplingParams

engine = LLM(sys.argv[1], dtype="float32", enforce_eager=True, max_model_len=512, seed=0)
image = Image.new("RGB", (64, 64), "red")
prompt = {"prompt": "<image> What is shown?", "multi_modal_data": {"image": image}}
print(engine.generate([prompt], SamplingParams(temperature=0.0, max_tokens=16))[0].outputs[0].text)
"""
ENGINE = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a command and give its wall time."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    return time.perf_counter() - start


def measure(runs: int, python: Path) -> list[tuple[float, float]]:
    """Time `verify` and the bare program, in turns; the first run of each is not counted."""
    with tempfile.TemporaryDirectory() as scratch:
        # vLLM's own class loads this layout, so both serve the same checkpoint.
        model = build_tiny("clip-llama", python=python, layout="transformers-4")
        port, bare = Path(scratch, "port"), Path(scratch, "bare.py")
        scaffold.write(scaffold.prepare(scaffold.Request(str(model), port)))
        bare.write_text(BARE)
        verify = [sys.executable, "-m", "mmport", "verify", str(model), "--port", str(port)]
        plain = [str(python), str(bare), str(model)]
        pairs = [(seconds(verify, {}), seconds(plain, ENGINE)) for _ in range(runs + 1)]
    return pairs[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each program")
    pairs = measure(parser.parse_args().runs, Path(os.environ["MMPORT_VLLM_PYTHON"]))
    for name, index in (("verify", 0), ("bare engine", 1)):
        figures = [pair[index] for pair in pairs]
        print(f"{name}: median {statistics.median(figures):.1f} s, best {min(figures):.1f} s")
    ratios = [ours / bare for ours, bare in pairs]
    print(f"ratio of the pairs: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    print(f"median ratio: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
