"""What an old engine's input processor and mappers make of the cases that HF's processor had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..exchange import is_memory_error, write_stage
from ..hf_processing import Caller, equal_spans, item_tensors
from ..vllm_processing import read_reference, text_of
from .context import Context

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_NO_PATHS = "the first multimodal API has one way to a prompt, by its input processor"


def write_processor_stage(context: Context, out: Path) -> None:
    """Process every case that HF could; say why, where the release does not take one.

    Raises:
        Exception: that of the first case, if every case raised.
    """
    reference = read_reference(context.payload, "processor")
    document: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    errors: list[Exception] = []
    own = _Own(context)
    for name, entry in reference.items():
        if "left_out" in entry:
            continue
        case = entry["asked"]
        refusal = context.refusal(case["request"]["items"], case["mm_processor_kwargs"])
        if refusal:
            document[name] = {"left_out": refusal}
            continue
        try:
            document[name], found = _process(context, case)
        except Exception as error:
            if is_memory_error(error):
                raise
            errors.append(error)
            document[name] = {"error": f"{type(error).__name__}: {error}"}
            continue
        tensors |= {f"{name}/{key}": value for key, value in found.items()}
        own.process(name, case)
    if errors and len(errors) == len(document):
        raise errors[0]
    write_stage(out, "processor-paths", {"unavailable": _NO_PATHS})
    write_stage(out, "processor-own", {"transformers": own.version}, own.tensors)
    write_stage(out, "processor", document, tensors)


class _Images:
    """An image processor that is called as the whole is."""

    def __init__(self, part: Any) -> None:
        self.image_processor = part

    def __call__(self, text: Any, images: Any = None, **options: Any) -> Any:
        """Process images; the text is for others."""
        return self.image_processor(images=images, **options)


class _Own:
    """What the HF processor of the engine's own environment makes of the cases.

    Where it differs from today's, the port cannot be held to today's.
    """

    def __init__(self, context: Context) -> None:
        import transformers

        self.version: str = transformers.__version__
        self.tensors: dict[str, torch.Tensor] = {}
        self._caller: Caller | None = None
        payload = context.payload
        told = {"trust_remote_code": payload["trust_remote_code"], "use_fast": False}
        # The oldest know not all of today's settings of the whole, and those of its part.
        makers: tuple[Callable[..., Any], ...] = (
            transformers.AutoProcessor.from_pretrained,
            lambda *args, **kwargs: _Images(
                transformers.AutoImageProcessor.from_pretrained(*args, **kwargs)
            ),
        )
        for make in makers:
            try:
                processor = make(payload["model"], **told)
            except Exception as error:
                if is_memory_error(error):
                    raise
                continue  # where none can be made, nothing is excused by it
            self._caller = Caller(processor, payload["processor_kwargs"])
            return

    def process(self, name: str, case: Mapping[str, Any]) -> None:
        """Process one case, if that processor takes it."""
        if self._caller is None:
            return
        request = case["request"]
        try:
            inputs = self._caller(request["text"], request["items"], case["mm_processor_kwargs"])
        except Exception as error:
            if is_memory_error(error):
                raise
            return
        found = item_tensors(inputs)
        self.tensors |= {f"{name}/{key}": value for key, value in found.items()}


def _process(
    context: Context, case: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    request = case["request"]
    options = {**context.payload["processor_kwargs"], **case["mm_processor_kwargs"]}
    text = text_of(request, context.payload)
    done = context.processed(text, context.data(request["items"]), options)
    ids = [int(token) for token in done["prompt_token_ids"]]
    wanted = set(context.payload["placeholder_ids"])
    positions = [place for place, token in enumerate(ids) if token in wanted]
    document = {
        "ids": ids,
        "positions": positions,
        "spans": equal_spans(positions, len(request["items"])),
        "embeddings": {},
    }
    data = done.get("multi_modal_data") or {}
    return document, item_tensors(context.mapped(data, options)) if data else {}
