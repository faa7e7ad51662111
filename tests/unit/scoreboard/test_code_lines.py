from __future__ import annotations

from pathlib import Path

import pytest

from mmport.scoreboard.code_lines import failure_of, last_code_line, portable

TRACEBACK = """Traceback (most recent call last):
  File "/home/me/mmport/workers/runner.py", line 41, in perform
    result = task.run(job["payload"], out, report)
             ^^^^^^^^
  File "/opt/env/lib/python3.11/site-packages/vllm/model_executor/models/glm4v.py", line 87, in load
    bias = config.attention_bias
           ^^^^^^^^^^^^^^^^^^^^^
  File "/opt/env/lib/python3.11/site-packages/torch/nn/modules/module.py", line 5, in __getattr__
    raise AttributeError
AttributeError: no attention_bias
"""


def test_the_last_frame_of_an_engine_is_named_by_its_package() -> None:
    line = last_code_line(TRACEBACK)
    assert line is not None
    assert line.place == "vllm/model_executor/models/glm4v.py:87"
    assert line.text == "bias = config.attention_bias"


def test_of_a_chain_of_errors_the_last_one_counts() -> None:
    second = TRACEBACK.replace("vllm/model_executor/models/glm4v.py", "transformers/masking.py")
    chain = (
        f"{TRACEBACK}\nDuring handling of the above exception, another one occurred:\n\n{second}"
    )
    line = last_code_line(chain)
    assert line is not None
    assert line.place == "transformers/masking.py:87"


@pytest.mark.parametrize(
    ("file", "place"),
    [
        (
            "/e/site-packages/vllm/model_executor/models/transformers/base.py",
            "vllm/model_executor/models/transformers/base.py",
        ),
        (
            "/src/transformers/src/transformers/models/a.py",
            "transformers/src/transformers/models/a.py",
        ),
        ("/e/dist-packages/vllm/x.py", "vllm/x.py"),
    ],
)
def test_a_file_is_named_from_its_package_on(file: str, place: str) -> None:
    line = last_code_line(f'  File "{file}", line 3, in f\n    pass\n')
    assert line is not None
    assert line.place == f"{place}:3"


def test_without_a_frame_of_an_engine_there_is_no_line() -> None:
    assert last_code_line("") is None
    assert last_code_line('  File "/a/mmport/b.py", line 3, in f\n    pass\n') is None


def test_a_message_names_nothing_of_this_machine(tmp_path: Path) -> None:
    message = (
        f"cannot read {tmp_path}/model/config.json of <Thing object at 0x7f12ab34cd50>\n"
        "in /opt/env/lib/python3.11/site-packages/vllm/config.py;"
        " see https://x.org/a/b, a/b, '/usr/lib/x.so'"
    )
    told = portable(message, {tmp_path / "model": "MODEL"})
    assert told == (
        "cannot read MODEL/config.json of <Thing object at 0x…> in vllm/config.py;"
        " see https://x.org/a/b, a/b, '…/x.so'"
    )


def test_an_error_that_was_caused_by_another_leads_to_that_one() -> None:
    outer = (
        'Traceback:\n  File "/e/site-packages/vllm/multimodal/context.py", line 4, in call\n'
        "    raise ValueError(msg) from exc\nValueError: failed to apply\n"
    )
    chain = (
        f"{TRACEBACK}\nThe above exception was the direct cause of the following exception:"
        f"\n\n{outer}"
    )
    failure = failure_of("processing", "ValueError", "failed to apply", chain, {})
    assert failure.message == "failed to apply, caused by AttributeError: no attention_bias"
    assert failure.line is not None
    assert failure.line.place == "vllm/model_executor/models/glm4v.py:87"
