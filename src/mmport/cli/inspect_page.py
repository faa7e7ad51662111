"""The page that `mmport inspect` shows to a person."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mmport.core.errors import one_line
from mmport.model.spec import (
    Anatomy,
    CheckpointSpec,
    ConnectorSpec,
    EncoderSpec,
    FeatureSpec,
    LanguageModelSpec,
    PlaceholderSpec,
    Source,
    VlmSpec,
)
from mmport.workflows.inspection import InspectionReport

_VERDICTS = {
    "in-tree": ("green", "serve it with vLLM's own class: no port is needed"),
    "transformers-backend": ("green", "serve it with vLLM's Transformers backend"),
    "port": ("cyan", "port it: mmport scaffold MODEL -o DIR"),
    "not-portable": ("red", "mmport cannot port it"),
}
_SCALES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))


def page(report: InspectionReport) -> RenderableType:
    """Lay out a report: the model, its checkpoint, the verdict and its reasons."""
    return Group(*_blocks(report))


def _blocks(report: InspectionReport) -> Iterator[RenderableType]:
    spec = report.spec
    yield Text(spec.architecture, style="bold")
    yield _indented(_facts(spec, report.target.version))
    if spec.checkpoint is not None:
        yield Rule(Text("Checkpoint"), align="left", style="dim")
        yield _indented(_tensors(spec.checkpoint))
    if report.findings:
        yield Rule(Text("Odd about the source"), align="left", style="dim")
        yield _indented(_findings(report))
    yield Rule(Text(f"On vLLM {report.target.version}"), align="left", style="dim")
    colour, advice = _VERDICTS[report.verdict]
    yield Text.assemble((report.verdict, f"bold {colour}"), f"  {advice}")
    yield _indented(_decisions(report))


def _facts(spec: VlmSpec, version: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows: list[tuple[str, str]] = [("source", _source(spec.source))]
    rows += [(f"{encoder.modality} encoder", _encoder(encoder)) for encoder in spec.encoders]
    if spec.features is not None:
        rows.append(("features", _features(spec.features)))
    if spec.connector is not None:
        rows.append(("connector", _connector(spec.connector)))
    if spec.anatomy is not None:
        rows += _anatomy(spec.anatomy)
    rows.append(("language model", _language_model(spec.language_model, version)))
    rows += [("placeholder", _placeholder(item)) for item in spec.placeholders]
    rows.append(("checkpoint", _checkpoint(spec.checkpoint)))
    for label, value in rows:
        table.add_row(label, Text(one_line(value)))
    return table


def _source(source: Source) -> str:
    if source.kind == "local":
        return f"{source.name} (a local folder)"
    return f"{source.name} at {source.revision} (the hub)"


def _encoder(encoder: EncoderSpec) -> str:
    first = ", a class token first" if encoder.has_class_token else ""
    return (
        f"{encoder.family} ({encoder.model_type}): {encoder.num_layers} layers of "
        f"{encoder.hidden_size}, {encoder.image_size} px in patches of {encoder.patch_size} px"
        f"{first}"
    )


def _anatomy(anatomy: Anatomy) -> Iterator[tuple[str, str]]:
    yield "parts", f"{', '.join(anatomy.parts)}, as {anatomy.owner} makes them"
    for method in anatomy.methods:
        inputs = ", ".join(field for _, field in method.inputs)
        inline = " (done inline in its forward)" if method.source else ""
        yield f"{method.modality} features", f"{method.name}({inputs}){inline}"
    if anatomy.position_inputs:
        yield "positions", "multimodal rotary ones, by get_rope_index"


def _placeholder(item: PlaceholderSpec) -> str:
    written = f"{item.token} (id {item.token_id})" if item.token else f"id {item.token_id}"
    if not item.tokens_per_item:
        return f"{written}, as many as its processor makes of one {item.modality}"
    return f"{written}, {item.tokens_per_item} of them for one {item.modality}"


def _features(features: FeatureSpec) -> str:
    layers = features.layers
    which = "layer" if len(layers) == 1 else "layers"
    names = ", ".join(map(str, layers))
    kept = "all tokens" if features.selection == "full" else "without the first token"
    return f"hidden states of {which} {names}, {kept} (selection {features.selection})"


def _connector(connector: ConnectorSpec) -> str:
    bias = "with bias" if connector.bias else "without bias"
    return (
        f"{connector.family}: {connector.input_size} to {connector.output_size}, "
        f"{connector.activation}, {bias}"
    )


def _language_model(model: LanguageModelSpec, version: str) -> str:
    served = (
        f"vLLM {version} serves it as {model.vllm_architecture}"
        if model.vllm_architecture
        else f"vLLM {version} has no class of its own for it"
    )
    tied = "tied" if model.tied_embeddings else "not tied"
    return (
        f"{model.hf_architecture or model.model_type}: {model.num_layers} layers of "
        f"{model.hidden_size}, {model.vocab_size} tokens, embeddings {tied}; {served}"
    )


def _checkpoint(checkpoint: CheckpointSpec | None) -> str:
    if checkpoint is None:
        return "no safetensors weights"
    files = checkpoint.files
    where = files[0] if len(files) == 1 else f"{len(files)} files"
    count = checkpoint.parameter_count
    layout = f", keys of {checkpoint.layout}" if checkpoint.layout else ""
    return f"{_short(count)} parameters ({count:,}) in {where}{layout}"


def _short(count: int) -> str:
    for scale, letter in _SCALES:
        if count >= scale:
            return f"{count / scale:.3g}{letter}"
    return str(count)


def _tensors(checkpoint: CheckpointSpec) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("tensor", overflow="fold")
    table.add_column("count", justify="right")
    table.add_column("shape", overflow="fold")
    table.add_column("dtype")
    for group in checkpoint.tensors:
        shape = " x ".join(map(str, group.shape)) or "scalar"
        table.add_row(Text(one_line(group.pattern)), str(group.count), shape, Text(group.dtype))
    return table


def _findings(report: InspectionReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for finding in report.findings:
        table.add_row(
            Text(finding.severity, style="yellow"),
            Text(f"{one_line(finding.message)}\n{one_line(finding.fix)}"),
        )
    return table


def _decisions(report: InspectionReport) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_column(overflow="fold")
    for decision in report.decisions:
        cells = (decision.subject, decision.choice, decision.reason)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    return table


def _indented(block: RenderableType) -> Padding:
    return Padding(block, (0, 0, 0, 2))
