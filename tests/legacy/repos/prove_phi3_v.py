"""Runs in an old engine: a port of the stand-in for Phi-3.5-vision against its repo's model.

`python prove_phi3_v.py build MODEL` writes a small checkpoint of the repo beside this
file; `python prove_phi3_v.py prove MODEL PORT` compares and prints one JSON document:
by question the tokens' equality and the largest difference of their logprobs.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import torch

REPO = Path(__file__).parent / "phi3_v"
CROPS = 4
NEW_TOKENS = 16

sys.path.insert(0, str(REPO.parent))
modeling = importlib.import_module("phi3_v.modeling_phi3_v")
processing = importlib.import_module("phi3_v.processing_phi3_v")
configuration = importlib.import_module("phi3_v.configuration_phi3_v")


def tokenizer():
    """Make one of single characters, so that a numbered placeholder is plain text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", "<|image|>", *map(chr, range(32, 127))]
    vocabulary = {word: number for number, word in enumerate(words)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<|image|>"],
        clean_up_tokenization_spaces=False,
    )
    fast.model_input_names = ["input_ids", "attention_mask"]
    return fast


def model():
    """Make the repo's model with seeded weights."""
    config = configuration.Phi3VConfig(
        vocab_size=128,
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=1024,
        original_max_position_embeddings=1024,
        img_processor={"image_dim_out": 64, "name": "clip_vision_model", "num_img_tokens": 4},
        embd_layer={
            "embedding_cls": "image",
            "hd_transform_order": "sub_glb",
            "projection_cls": "mlp",
            "use_hd_transform": True,
            "with_learnable_separator": True,
        },
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    made = modeling.Phi3VForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.normal_(0, 0.14 if parameter.dim() > 1 else 0.05)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)
    return made


def as_published(name):
    """Name a weight as transformers 4 does, which the published checkpoints are of."""
    level = "img_processor.vision_model."
    return name if level in name else name.replace("img_processor.", level)


def build(folder: Path) -> None:
    """Write a checkpoint as the model's authors publish one: config, weights, code."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    made = model()
    tokenizer().save_pretrained(folder)
    weights = {
        as_published(name): tensor.detach().clone().contiguous()
        for name, tensor in made.state_dict().items()
        if not name.endswith("position_ids")
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    code = {
        "AutoConfig": "configuration_phi3_v.Phi3VConfig",
        "AutoModelForCausalLM": "modeling_phi3_v.Phi3VForCausalLM",
    }
    config = made.config.to_dict() | {
        "architectures": ["Phi3VForCausalLM"],
        "auto_map": code,
        "model_type": "phi3_v",
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config))
    processor = {
        "auto_map": {
            "AutoImageProcessor": "processing_phi3_v.Phi3VImageProcessor",
            "AutoProcessor": "processing_phi3_v.Phi3VProcessor",
        },
        "image_processor_type": "Phi3VImageProcessor",
        "processor_class": "Phi3VProcessor",
        "num_crops": CROPS,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    for file in REPO.glob("*.py"):
        shutil.copy(file, folder)


class Reference:
    """The repo's own model, asked for its greedy answer."""

    def __init__(self) -> None:
        self.model = model()
        self.images = processing.Phi3VImageProcessor(num_crops=CROPS)
        self.text = processing.Phi3VProcessor.__new__(processing.Phi3VProcessor)
        self.text.tokenizer = tokenizer()

    @torch.no_grad()
    def features(self, image):
        made = self.images.preprocess(image, return_tensors="pt")
        embed = self.model.model.vision_embed_tokens
        return embed.image_features(made["pixel_values"][0], made["image_sizes"][0].tolist())

    @torch.no_grad()
    def answer(self, prompt, images):
        """Give the answer's tokens, their logprobs, and the length of the prompt."""
        embed = self.model.get_input_embeddings()
        features = map(self.features, images)
        parts = [
            next(features) if token == -1 else embed(torch.tensor([token]))
            for token in self.text.token_ids(prompt)
        ]
        embeddings = torch.cat(parts)[None]
        length, tokens, logprobs = embeddings.shape[1], [], []
        for _ in range(NEW_TOKENS):
            step = self.model(embeddings)[0, -1].float().log_softmax(-1)
            tokens.append(int(step.argmax()))
            logprobs.append(float(step.max()))
            embeddings = torch.cat([embeddings, embed(torch.tensor([tokens[-1:]]))], 1)
        return tokens, logprobs, length


class Engine:
    """The port in the engine."""

    def __init__(self, folder: Path, port: Path) -> None:
        import vllm

        package = next(path.name for path in port.iterdir() if path.name.endswith("_vllm"))
        registration = importlib.import_module(package)
        registration.register()
        self.port = importlib.import_module(f"{package}.{package.removesuffix('_vllm')}")
        self.several = hasattr(vllm.multimodal.MULTIMODAL_REGISTRY, "get_mm_limits_per_prompt")
        limits = {"limit_mm_per_prompt": {"image": 3}} if self.several else {}
        self.sampling = vllm.SamplingParams(
            temperature=0, max_tokens=NEW_TOKENS, logprobs=1, ignore_eos=True
        )
        self.llm = vllm.LLM(
            str(folder),
            dtype="float32",
            enforce_eager=True,
            device="cpu",
            max_model_len=1024,
            max_num_seqs=8,
            trust_remote_code=True,
            **limits,
        )

    def answers(self, questions):
        requests = [
            {"prompt": prompt, "multi_modal_data": {"image": data}} for prompt, data in questions
        ]
        outputs = self.llm.generate(requests, self.sampling, use_tqdm=False)
        return [
            (
                list(output.outputs[0].token_ids),
                [
                    getattr(step[token], "logprob", step[token])
                    for step, token in zip(
                        output.outputs[0].logprobs, output.outputs[0].token_ids, strict=True
                    )
                ],
                len(output.prompt_token_ids),
            )
            for output in outputs
        ]

    def refuses(self, prompt, images) -> bool:
        try:
            self.answers([(prompt, images)])
        except ValueError:
            return True
        return False

    def largest(self) -> int:
        from vllm.inputs import InputContext

        context = InputContext(self.llm.llm_engine.model_config)
        return int(self.port.get_max_phi3_v_image_tokens(context))


def compared(answers, references) -> dict:
    pairs = [
        abs(ours - theirs)
        for answer, reference in zip(answers, references, strict=True)
        for ours, theirs in zip(answer[1], reference[1], strict=True)
    ]
    equal = all(
        (answer[0], answer[2]) == (reference[0], reference[2])
        for answer, reference in zip(answers, references, strict=True)
    )
    distinct = len({token for tokens, _, _ in references for token in tokens})
    return {"equal": equal, "worst": max(pairs), "distinct": distinct}


SEVERAL = "see <|image_1|> and <|image_2|> or <|image_3|>!"


def asked() -> list:
    """Give a prompt and an image, three times; each image has its own number of tiles."""
    import numpy as np
    from PIL import Image

    random = np.random.RandomState(0)
    images = [
        Image.fromarray(random.randint(0, 255, (height, width, 3), dtype=np.uint8))
        for width, height in ((56, 56), (140, 60), (50, 170))
    ]
    prompts = ["a <|image_1|> what?", "<|image_1|>\nwhy", "who is <|image_1|>"]
    return list(zip(prompts, images, strict=True))


def prove(folder: Path, port: Path) -> dict:
    questions = asked()
    images = [image for _, image in questions]
    reference, engine = Reference(), Engine(folder, port)
    wanted = [reference.answer(prompt, [image]) for prompt, image in questions]
    features = [(prompt, reference.features(image)[None].clone()) for prompt, image in questions]
    found = {
        "one by one": compared([engine.answers([one])[0] for one in questions], wanted),
        "a batch": compared(engine.answers(questions), wanted),
        "features": compared(engine.answers(features), wanted),
    }
    if engine.several:
        several = [reference.answer(SEVERAL, images)]
        found["several"] = compared(engine.answers([(SEVERAL, images)]), several)
    # Of every size up to more than the tiles that there may be.
    sizes = [(width, height) for width in range(8, 400, 9) for height in range(8, 400, 9)]
    counts = [reference.images.calc_num_image_tokens_from_image_size(*size) for size in sizes]
    return {
        "questions": found,
        "misnumbered refused": engine.refuses("x <|image_2|> y", images[0]),
        "too many refused": not engine.several
        or engine.refuses("".join(f"<|image_{n}|>" for n in range(1, 5)), [images[0]] * 4),
        "largest": [engine.largest(), max(counts)],
    }


if __name__ == "__main__":
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    task, *paths = sys.argv[1:]
    if task == "build":
        build(Path(paths[0]))
    else:
        sys.path.insert(0, paths[1])
        print(json.dumps(prove(Path(paths[0]), Path(paths[1]))))
