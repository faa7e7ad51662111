"""Times a wrapped port's images a second beside vLLM's own class and the Transformers backend.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/throughput.py [--runs 3] [--images 16]
        [--model internvl]

The model has random weights and a tower of usual size (12 layers of 768, 448 px)
with a small language model (4 layers of 512), in float32. Caches are off. Each
run starts every implementation's engine once, in turns, and times one batch
after one that is not counted; the ratios are of one run. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from mmport.model.plan import PortPlan
from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny

COLUMNS = ("port", "in-tree", "transformers")
ENLARGE = """
import json, shutil, sys
from pathlib import Path
import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

small, large = map(Path, sys.argv[1:3])
shutil.copytree(small, large)
config = AutoConfig.from_pretrained(small)
processor = AutoProcessor.from_pretrained(small)
for key, value in json.loads(sys.argv[3]).items():
    owner, *path, name = key.split(".")
    target = config if owner == "config" else processor
    for part in path:
        target = getattr(target, part)
    setattr(target, name, value)
torch.manual_seed(0)
model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
for path in large.glob("*.safetensors"):
    path.unlink()
model.save_pretrained(large)
processor.save_pretrained(large)
"""
TIMED = """
import json, sys, time
import numpy as np
from PIL import Image
from vllm import LLM, ModelRegistry, SamplingParams

model, column, count, port, side, entry, placeholder = sys.argv[1:]
count, side = int(count), int(side)
if column == "port":
    sys.path.insert(0, port)
    name, _, function = entry.partition(":")
    getattr(__import__(name), function)()
engine = LLM(
    model,
    dtype="float32",
    enforce_eager=True,
    max_model_len=2048,
    max_num_seqs=count,
    model_impl="transformers" if column == "transformers" else "vllm",
    enable_prefix_caching=False,
    mm_processor_cache_gb=0,
    limit_mm_per_prompt={"image": 1},
)
PROMPT = f"USER: {placeholder} What is shown?"
noise = np.random.default_rng(0)
def batch():
    pixels = noise.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return [
        {"prompt": PROMPT, "multi_modal_data": {"image": Image.fromarray(one)}}
        for one in pixels
    ]
sampling = SamplingParams(temperature=0.0, max_tokens=8, ignore_eos=True)
engine.generate(batch(), sampling, use_tqdm=False)
prompts = batch()
start = time.perf_counter()
engine.generate(prompts, sampling, use_tqdm=False)
print("RESULT", count / (time.perf_counter() - start))
"""
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "2",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}
SIDE = 448
TEXT = {
    "config.text_config.hidden_size": 512,
    "config.text_config.intermediate_size": 1376,
    "config.text_config.num_hidden_layers": 4,
    "config.text_config.num_attention_heads": 8,
    "config.text_config.num_key_value_heads": 8,
    "config.text_config.layer_types": ["full_attention"] * 4,
}
SIZES = {
    "internvl": {
        "config.vision_config.hidden_size": 768,
        "config.vision_config.intermediate_size": 3072,
        "config.vision_config.num_hidden_layers": 12,
        "config.vision_config.num_attention_heads": 12,
        "config.vision_config.image_size": [SIDE, SIDE],
        "config.vision_config.patch_size": [14, 14],
        "config.image_seq_length": 256,
        "processor.image_seq_length": 256,
        "processor.image_processor.size": {"height": SIDE, "width": SIDE},
    },
    "qwen2_vl": {
        "config.vision_config.embed_dim": 768,
        "config.vision_config.depth": 12,
        "config.vision_config.num_heads": 12,
        "config.vision_config.hidden_size": 512,
        "processor.image_processor.size": {"shortest_edge": 28**2, "longest_edge": 2 * SIDE**2},
        "config.text_config.rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [8, 12, 12],
        },
    },
}


def images_a_second(
    python: Path, model: Path, column: str, count: int, port: Path, plan: PortPlan
) -> float:
    """Start one engine and time one batch."""
    entry = f"{plan.names.package}:register"
    arguments = [str(model), column, str(count), str(port), str(SIDE), entry, plan.placeholder]
    done = subprocess.run(
        [str(python), "-c", TIMED, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(port)},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise SystemExit(done.stderr[-2000:])
    return float(lines[0].split()[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="how often each is started")
    parser.add_argument("--images", type=int, default=16, help="how many a batch has")
    parser.add_argument("--model", default="internvl", choices=SIZES, help="which to enlarge")
    options = parser.parse_args()
    python = Path(os.environ["MMPORT_VLLM_PYTHON"])
    small = build_tiny(options.model, python=python)
    with tempfile.TemporaryDirectory() as scratch:
        large, port = Path(scratch, "model"), Path(scratch, "port")
        sizes = json.dumps(TEXT | SIZES[options.model])
        enlarge = [str(python), "-c", ENLARGE, str(small), str(large), sizes]
        subprocess.run(enlarge, check=True, capture_output=True)
        update = scaffold.prepare(scaffold.Request(str(large), port))
        scaffold.write(update)
        plan = update.lock.plan
        rows = [
            {
                column: images_a_second(python, large, column, options.images, port, plan)
                for column in COLUMNS
            }
            for _ in range(options.runs)
        ]
    for row in rows:
        print(", ".join(f"{column} {speed:.2f} images/s" for column, speed in row.items()))
    for column in COLUMNS[1:]:
        ratios = [row["port"] / row[column] for row in rows]
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"port / {column}: {told}; median {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
