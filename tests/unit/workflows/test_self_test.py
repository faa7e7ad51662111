"""What a self-test refuses before anything is started."""

from __future__ import annotations

import pytest

from mmport.core.errors import Usage
from mmport.core.output import Sink
from mmport.model.evidence import Stage
from mmport.workflows.self_test import self_test
from mmport.workflows.verify import VerifyOptions


@pytest.mark.parametrize(
    "options",
    [
        VerifyOptions(stages=(Stage.LOGITS,)),
        VerifyOptions(scenarios=("text",)),
        VerifyOptions(tp=2),
        VerifyOptions(implementations=("in-tree", "transformers")),
    ],
)
def test_a_part_of_the_verifier_is_not_tested_by_itself(options: VerifyOptions) -> None:
    with pytest.raises(Usage):
        self_test("nothing", options, Sink())
