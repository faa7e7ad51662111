"""The port installed as a plugin and served by `vllm serve`, asked as OpenAI clients do."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Checkpoint, Port

pytestmark = [
    pytest.mark.engine,
    pytest.mark.full(reason="starts a server and installs the port, over a minute"),
]

NEW_TOKENS = 12
PENALTY = 1.5
"""For repetition: a tiny model says the same word over and over without it."""
QUESTIONS = ("What is shown here?", "Describe the image in detail. Is the weather good?")
UNFINISHED = "\ufffd"
START_SECONDS = 300.0

REFERENCE = """
import json, sys
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

model, image, new_tokens, penalty, *questions = sys.argv[1:]
processor = AutoProcessor.from_pretrained(model)
network = AutoModelForImageTextToText.from_pretrained(model, dtype="float32")
network.generation_config.eos_token_id = None
answers = []
for question in questions:
    content = [{"type": "image"}, {"type": "text", "text": question}]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    inputs = processor(
        text=prompt, images=Image.open(image).convert("RGB"), return_tensors="pt",
        add_special_tokens=False,
    )
    output = network.generate(
        **inputs, do_sample=False, max_new_tokens=int(new_tokens),
        repetition_penalty=float(penalty),
    )
    tokens = output[0, inputs["input_ids"].shape[1]:]
    answers.append(processor.tokenizer.decode(tokens, skip_special_tokens=True))
print(json.dumps(answers))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@contextmanager
def served(model: Path, site: Path, python: Path, log: Path) -> Iterator[str]:
    """Start `vllm serve` on this machine alone; end it and all it started."""
    port = free_port()
    command = [str(python.parent / "vllm"), "serve", str(model), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--served-model-name", "llava", "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", "512"]
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    with log.open("wb") as stream:
        server = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        wait_until_healthy(server, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        end_group(server)


def end_group(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def name_the_engine(site: Path, python: Path) -> None:
    """Give the metadata of `vllm`, which the `vllm` command asks for and `vllm-cpu` lacks.

    The label `+cpu` is what vLLM takes its platform from.
    """
    version = subprocess.run(
        [
            python,
            "-c",
            "from importlib.metadata import version; print(version('vllm-cpu') + '+cpu')",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    folder = site / f"vllm-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")


def wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"the server did not start: {log.read_text()[-3000:]}")


def ask(url: str, image: Path, question: str) -> str:
    data = base64.b64encode(image.read_bytes()).decode()
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "text", "text": question},
    ]
    body: dict[str, Any] = {
        "model": "llava",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": NEW_TOKENS,
        "temperature": 0.0,
        "repetition_penalty": PENALTY,
        "ignore_eos": True,
    }
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        text: str = json.load(answer)["choices"][0]["message"]["content"]
        return text


def test_the_served_port_answers_a_chat_as_hf_does(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, tmp_path: Path
) -> None:
    model, site, image = checkpoint("clip-llama"), tmp_path / "site", tmp_path / "photo.png"
    port = port_of(model)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*uv, "--python", engine_python, "--target", site, port], check=True)
    name_the_engine(site, engine_python)
    paint = (
        "import sys; sys.path.insert(0, sys.argv[1]); from images import make_image;"
        "make_image(90, 60, 5).save(sys.argv[2])"
    )
    workers = Path(__file__).parents[2] / "src" / "mmport" / "workers"
    subprocess.run([engine_python, "-c", paint, workers, image], check=True)
    reference = subprocess.run(
        [engine_python, "-c", REFERENCE, model, image, str(NEW_TOKENS), str(PENALTY), *QUESTIONS],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    log = tmp_path / "server.log"
    with served(model, site, engine_python, log) as url:
        answers = [ask(url, image, question) for question in QUESTIONS]
    # vLLM's own class cannot load this checkpoint's names: who answers is the port.
    expected = json.loads(reference.stdout.splitlines()[-1])
    # The server holds back the bytes of a character that the last token leaves unfinished.
    assert [one.rstrip(UNFINISHED) for one in answers] == [
        one.rstrip(UNFINISHED) for one in expected
    ]
    assert len(set(answers)) == len(answers)
    assert len(set("".join(answers))) > 3
