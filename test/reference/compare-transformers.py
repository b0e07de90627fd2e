"""Ask the processors and models of transformers what vserve's are held against.

Usage: compare-transformers.py <directory of write-processor-cases.js> <test/fixtures/processors> [--like-ggml] [--change=<JSON>]
       [--budgets | --videos] [name…]

For each checkpoint, a JSON file: what the image processor makes of each picture (sizes, the hash of the pixels before they
are normalized, and a sample of them), the token ids of each conversation (how many in place of the tokens of an image), and,
where transformers has a class for the model, the greatest five logits of each answer's first token, in float32.

With --like-ggml the encoder rounds where ggml's does on a CPU, to half precision: pixels before the first convolution, and
what GELU is given and gives. What is left of a difference then has another cause.

With --budgets the processors are asked with arguments that a request may have (image_budgets.py), for the checkpoints that
have such: about some pictures, and the first conversation.

With --videos the models are asked about a few frames of a video (videos.py), for the checkpoints that see videos.

With --change the image processor is set up otherwise than preprocessor_config.json says, and only conversations are asked.
"""

import hashlib
import json
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

import deepseek_ocr
from chosen_names import chosen_names
from image_budgets import BUDGETS, PICTURES
from kimi_vl import KimiVL
from videos import VIDEOS, frames_of, frame_text

LIKE_GGML = "--like-ggml" in sys.argv
CHANGE = next((json.loads(argument[len("--change=") :]) for argument in sys.argv if argument.startswith("--change=")), None)
WITH_BUDGETS = "--budgets" in sys.argv
WITH_VIDEOS = "--videos" in sys.argv
directory, output, *names = (Path(argument) for argument in sys.argv[1:] if not argument.startswith("--"))
names = chosen_names([str(name) for name in names], sorted(path.name for path in directory.iterdir() if path.is_dir()))
if WITH_BUDGETS:
    names = [name for name in names if name in BUDGETS]
if WITH_VIDEOS:
    names = [name for name in names if name in VIDEOS]
CASES = json.loads((directory / "cases.json").read_text())
RAW = {"do_rescale": False, "do_normalize": False}
SAMPLED = 24


def picture(name):
    return Image.open(directory / name).convert("RGB")


def unpatchify(patches, grid, patch, merge):
    """Qwen-VL's patches, whose order is that of the merged ones, as an image of H × W × 3."""
    _, rows, columns = (int(n) for n in grid)
    frames = patches.shape[1] // (3 * patch * patch)
    blocks = np.asarray(patches).reshape(rows // merge, columns // merge, merge, merge, 3, frames, patch, patch)[:, :, :, :, :, 0]
    return blocks.transpose(0, 2, 5, 1, 3, 6, 4).reshape(rows * patch, columns * patch, 3)


def qwen_images(processor, image):
    out = processor(images=[image], return_tensors="np", **RAW)
    return [unpatchify(out["pixel_values"], out["image_grid_thw"][0], processor.patch_size, processor.merge_size)]


def plain_images(processor, image):
    """Processors that give tiles, the whole last."""
    pixels = np.asarray(processor(images=[image], return_tensors="np", **RAW)["pixel_values"])
    pixels = pixels.reshape(-1, *pixels.shape[-3:])
    return [tile.transpose(1, 2, 0) for tile in pixels]


def stacked_images(processor, image):
    """The tiles of a picture, the whole first, one below the other."""
    return [np.concatenate(plain_images(processor, image))]


def lfm2_images(processor, image):
    out = processor(images=[[image]], return_tensors="pt", **RAW)
    images = []
    for patches, (rows, columns) in zip(out["pixel_values"], out["spatial_shapes"].tolist()):
        side = processor.encoder_patch_size
        blocks = patches[: rows * columns].numpy().reshape(rows, columns, side, side, 3)
        images.append(blocks.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3))
    return images


def patches_by_position(image, side):
    """An image of H × W × 3 whose patches, rows of red, green and blue, come with their columns and rows (-1: none)."""
    positions = image["image_position_ids"][0]
    count = int((positions >= 0).all(axis=-1).sum())
    columns, rows = (int(n) + 1 for n in positions[:count].max(axis=0))
    blocks = np.asarray(image["pixel_values"][0][:count]).reshape(rows, columns, side, side, 3)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)


def gemma4_images(processor, image):
    return [patches_by_position(processor(images=[image], return_tensors="np", **RAW), processor.patch_size)]


def gemma4_unified_images(processor, image):
    side = processor.patch_size * processor.pooling_kernel_size
    return [patches_by_position(processor(images=[image], return_tensors="np", **RAW), side)]


def llama4_images(processor, image):
    """The tiles, the whole last. What it does with pixels that are not normalized is left as it is."""
    pixels = processor(images=[image], return_tensors="pt", **RAW)["pixel_values"]
    return [tile.permute(1, 2, 0).numpy() for tile in pixels]


def paddleocr_images(processor, image):
    out = processor(images=[image], return_tensors="np", **RAW)
    _, rows, columns = (int(n) for n in out["image_grid_thw"][0])
    side = processor.patch_size
    blocks = np.asarray(out["pixel_values"]).reshape(rows, columns, 3, side, side)
    return [blocks.transpose(0, 3, 1, 4, 2).reshape(rows * side, columns * side, 3)]


def minicpm_images(processor, image):
    out = processor(images=[image], return_tensors="np", **RAW)
    images, begin = [], 0
    for rows, columns in out["target_sizes"].tolist():
        side = processor.patch_size
        width = rows * columns * side
        blocks = np.asarray(out["pixel_values"][0, :, :, begin : begin + width]).reshape(3, side, rows, columns, side)
        images.append(blocks.transpose(2, 1, 3, 4, 0).reshape(rows * side, columns * side, 3))
        begin += width
    return [*images[1:], images[0]]


class KimiVLImageProcessor:
    """What image_processing_kimi_vl.py, which comes with the checkpoints, does before it normalizes."""

    def __init__(self, config):
        self.patch, self.limit, self.merge = config["patch_size"], config["in_token_limit"], config["merge_kernel_size"][0]
        self.mean, self.deviation = (torch.tensor(config[key]) for key in ("image_mean", "image_std"))

    def images(self, image):
        width, height = image.size
        patches = (width // self.patch) * (height // self.patch)
        if patches > self.limit:
            scale = (self.limit / patches) ** 0.5
            image = image.resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
        side = self.patch * self.merge
        width, height = image.size
        padded = Image.new("RGB", (width + -width % side, height + -height % side))
        padded.paste(image)
        return [np.asarray(padded)]

    def normalized(self, image):
        return (torch.from_numpy(self.images(image)[0].copy()) / 255 - self.mean) / self.deviation

    def tokens(self, image):
        height, width, _ = self.images(image)[0].shape
        return width // (self.patch * self.merge) * (height // (self.patch * self.merge))


class KimiVLProcessor:
    image_token = "<|media_pad|>"

    def __init__(self, image_processor, tokenizer):
        self.image_processor, self.tokenizer = image_processor, tokenizer

    def __call__(self, text, images, **_):
        parts = text.split(self.image_token)
        text = parts[0] + "".join(
            self.image_token * self.image_processor.tokens(image) + part for image, part in zip(images or [], parts[1:])
        )
        pixels = [self.image_processor.normalized(image) for image in images or []]
        return {**self.tokenizer(text, return_tensors="pt"), "pixel_values": pixels}


class Family:
    def __init__(
        self, images, image_processor, processor, image_token, model=None, exact=True, first=None, change=None, told=()
    ):
        self.images, self.image_processor, self.processor = images, image_processor, processor
        self.image_token, self.model, self.exact = image_token, model, exact
        self.first, self.change = first or forward_logits, change or (lambda model: model)
        self.told = told


def forward_logits(model, inputs):
    return model(**inputs).logits[0, -1]


def granite_vision_logits(model, inputs):
    # transformers 5 leaves this out where Granite is the text model of a LLaVA, and by itself does not.
    return forward_logits(model, inputs) / model.config.text_config.logits_scaling


def generated_logits(model, inputs):
    generated = model.generate(
        **inputs,
        max_new_tokens=1,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        cache_implementation="static",
    )
    return generated.logits[0][0]


def gemma4_logits(model, inputs):
    """The masks need to know which tokens are a picture's: layers with a sliding window see those both ways, within it."""
    shown = (inputs["input_ids"] == model.config.image_token_id).long()
    return forward_logits(model, {**inputs, "mm_token_type_ids": shown})


class HalfGelu(torch.nn.Module):
    """ggml's on the CPU: a table of half precision."""

    def forward(self, x):
        return torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()


def rounded_as_ggml(model):
    """Gemma 4 with ggml's GELU, and with patches in half precision, as ggml convolves them."""
    for name, module in list(model.named_modules()):
        if name.endswith("act_fn"):
            model.set_submodule(name, HalfGelu())
    project = model.model.vision_tower.patch_embedder.input_proj
    project.register_forward_pre_hook(lambda _, inputs: (inputs[0].half().float(),))
    return model


def named(name):
    return getattr(transformers, name)


QWEN = ("<|image_pad|>",)
PIXTRAL = ("[IMG]", "[IMG_BREAK]")
FAMILIES = {
    "qwen2-vl": Family(qwen_images, "Qwen2VLImageProcessorPil", "Qwen2VLProcessor", QWEN, "Qwen2VLForConditionalGeneration"),
    "qwen2.5-vl": Family(
        qwen_images, "Qwen2VLImageProcessorPil", "Qwen2_5_VLProcessor", QWEN, "Qwen2_5_VLForConditionalGeneration"
    ),
    "qwen3-vl-moe": Family(
        qwen_images, "Qwen2VLImageProcessorPil", "Qwen3VLProcessor", QWEN, "Qwen3VLMoeForConditionalGeneration"
    ),
    "qwen3-vl": Family(qwen_images, "Qwen2VLImageProcessorPil", "Qwen3VLProcessor", QWEN, "Qwen3VLForConditionalGeneration"),
    "qwen3.5-moe": Family(
        qwen_images, "Qwen2VLImageProcessorPil", "Qwen3VLProcessor", QWEN, "Qwen3_5MoeForConditionalGeneration"
    ),
    "qwen3.5": Family(qwen_images, "Qwen2VLImageProcessorPil", "Qwen3VLProcessor", QWEN, "Qwen3_5ForConditionalGeneration"),
    "glm4v": Family(
        qwen_images, "Glm4vImageProcessorPil", "Glm4vProcessor", ("<|image|>",), "Glm4vForConditionalGeneration"
    ),
    "glm4.5v": Family(
        qwen_images, "Glm4vImageProcessorPil", "Glm4vProcessor", ("<|image|>",), "Glm4vMoeForConditionalGeneration"
    ),
    # transformers has it for torchvision only, which rounds otherwise than Pillow.
    "gemma4-unified": Family(
        gemma4_unified_images,
        "Gemma4UnifiedImageProcessor",
        "Gemma4UnifiedProcessor",
        ("<|image|>",),
        "Gemma4UnifiedForConditionalGeneration",
        exact=False,
        # Where the masks are left to the model's forward, pictures look ahead in global layers too. Those made for a static
        # cache are Gemma 4's: in sliding layers only, as in Google's own code.
        first=generated_logits,
    ),
    "gemma4-moe": Family(
        gemma4_images,
        "Gemma4ImageProcessorPil",
        "Gemma4Processor",
        ("<|image|>",),
        "Gemma4ForConditionalGeneration",
        # Random experts are chosen by so little that this rounding chooses others, which logits show by up to 0.7.
        change=rounded_as_ggml,
    ),
    # What ends an image is embedded with it. Resized as LFM2-VL's.
    "gemma3n": Family(
        plain_images,
        "SiglipImageProcessor",
        "Gemma3nProcessor",
        ("<image_soft_token>", "<end_of_image>"),
        "Gemma3nForConditionalGeneration",
        exact=False,
    ),
    "gemma4": Family(
        gemma4_images,
        "Gemma4ImageProcessorPil",
        "Gemma4Processor",
        ("<|image|>",),
        "Gemma4ForConditionalGeneration",
        first=gemma4_logits,
    ),
    "smolvlm": Family(
        plain_images, "SmolVLMImageProcessorPil", "SmolVLMProcessor", ("<image>",), "SmolVLMForConditionalGeneration"
    ),
    "idefics3": Family(
        plain_images, "Idefics3ImageProcessorPil", "Idefics3Processor", ("<image>",), "Idefics3ForConditionalGeneration"
    ),
    "internvl": Family(
        plain_images, "GotOcr2ImageProcessorPil", "InternVLProcessor", ("<IMG_CONTEXT>",), "InternVLForConditionalGeneration"
    ),
    "pixtral": Family(plain_images, "PixtralImageProcessorPil", "PixtralProcessor", PIXTRAL, "LlavaForConditionalGeneration"),
    "mistral3": Family(
        plain_images, "PixtralImageProcessorPil", "PixtralProcessor", PIXTRAL, "Mistral3ForConditionalGeneration"
    ),
    "llava-next": Family(
        stacked_images, "LlavaNextImageProcessorPil", "LlavaNextProcessor", ("<image>",), "LlavaNextForConditionalGeneration"
    ),
    "granite-vision": Family(
        stacked_images,
        "LlavaNextImageProcessorPil",
        "LlavaNextProcessor",
        ("<image>",),
        "LlavaNextForConditionalGeneration",
        first=granite_vision_logits,
    ),
    "granite4-vision": Family(
        stacked_images,
        "LlavaNextImageProcessorPil",
        "Granite4VisionProcessor",
        ("<image>",),
        "Granite4VisionForConditionalGeneration",
    ),
    "llava-qwen": Family(
        plain_images, "SiglipImageProcessorPil", "LlavaProcessor", ("<image>",), "LlavaForConditionalGeneration"
    ),
    "llava": Family(plain_images, "CLIPImageProcessorPil", "LlavaProcessor", ("<image>",), "LlavaForConditionalGeneration"),
    "bakllava": Family(
        plain_images, "CLIPImageProcessorPil", "LlavaProcessor", ("<image>",), "LlavaForConditionalGeneration"
    ),
    "minicpm-v-4.6": Family(
        minicpm_images,
        "MiniCPMV4_6ImageProcessorPil",
        "MiniCPMV4_6Processor",
        ("<|image_pad|>",),
        "MiniCPMV4_6ForConditionalGeneration",
    ),
    "paddleocr-vl": Family(
        paddleocr_images,
        "PaddleOCRVLImageProcessorPil",
        "PaddleOCRVLProcessor",
        ("<|IMAGE_PLACEHOLDER|>",),
        "PaddleOCRVLForConditionalGeneration",
    ),
    # transformers has it for torchvision only, which rounds otherwise than Pillow.
    "lfm2-vl": Family(
        lfm2_images, "Lfm2VlImageProcessor", "Lfm2VlProcessor", ("<image>",), "Lfm2VlForConditionalGeneration", exact=False
    ),
    # Resized as LFM2-VL's.
    "llama4": Family(
        llama4_images, "Llama4ImageProcessor", "Llama4Processor", ("<|patch|>",), "Llama4ForConditionalGeneration", exact=False
    ),
    # Gemma 3, trained. Its model asks which tokens are a picture's, as they look ahead.
    "shapes-vlm": Family(
        plain_images,
        "Gemma3ImageProcessorPil",
        "Gemma3Processor",
        ("<image_soft_token>",),
        "Gemma3ForConditionalGeneration",
        told=("token_type_ids",),
    ),
    "deepseek-ocr-2": Family(deepseek_ocr.tile_images, None, None, ("<image>",), "DeepseekOcr2ForConditionalGeneration"),
    "deepseek-ocr": Family(deepseek_ocr.row_images, None, None, ("<image>",), "UnlimitedOcrForConditionalGeneration"),
    "kimi-vl": Family(lambda processor, image: processor.images(image), None, None, ("<|media_pad|>",), "DeepseekV3ForCausalLM"),
}


def family_of(name):
    return next(family for beginning, family in FAMILIES.items() if name.startswith(beginning))


def build(name, family, folder):
    """The image processor and the processor of a checkpoint."""
    config = json.loads((folder / "config.json").read_text())
    settings = json.loads((folder / "preprocessor_config.json").read_text()) | (CHANGE or {})
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    template = tokenizer_config.get("chat_template") or (folder / "chat_template.jinja").read_text()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), chat_template=template)
    if name.startswith("kimi-vl"):
        images = KimiVLImageProcessor(settings)
        return images, KimiVLProcessor(images, tokenizer), tokenizer
    if name.startswith("deepseek-ocr"):
        is_second = name.startswith("deepseek-ocr-2")
        images = deepseek_ocr.DeepSeekOcrImageProcessor(settings, *((768, 6) if is_second else (640, 9)))
        return images, deepseek_ocr.DeepSeekOcrProcessor(images, tokenizer, not is_second), tokenizer
    settings = {k: v for k, v in settings.items() if not k.endswith(("_type", "_class"))}
    extra = {}
    if name.startswith("internvl"):
        side = config["force_image_size"]
        settings = {
            "size": {"height": side, "width": side},
            "crop_to_patches": True,
            "min_patches": config["min_dynamic_patch"],
            "max_patches": config["max_dynamic_patch"],
            "image_mean": settings["image_mean"],
            "image_std": settings["image_std"],
        }
        extra["image_seq_length"] = int((side // 14) ** 2 * config["downsample_ratio"] ** 2)
        tokenizer.start_image_token, tokenizer.end_image_token = "<img>", "</img>"
        tokenizer.context_image_token = "<IMG_CONTEXT>"
        tokenizer.video_token = "<video>"
        for part in ("start_image", "end_image", "context_image"):
            setattr(tokenizer, f"{part}_token_id", tokenizer.convert_tokens_to_ids(getattr(tokenizer, f"{part}_token")))
    if name.startswith("gemma3n"):
        for key, token in tokenizer_config["extra_special_tokens"].items():
            setattr(tokenizer, key, token)
            setattr(tokenizer, f"{key}_id", tokenizer.convert_tokens_to_ids(token))
        tokenizer.pad_token = "<pad>"
        extra["feature_extractor"] = named("Gemma3nAudioFeatureExtractor")()
        settings = {key: settings[key] for key in ("do_normalize", "image_mean", "image_std", "resample", "size")}
    if name.startswith("gemma4"):
        for key, token in tokenizer_config["model_specific_special_tokens"].items():
            setattr(tokenizer, key, token)
            setattr(tokenizer, f"{key}_id", tokenizer.convert_tokens_to_ids(token))
        tokenizer.pad_token = "<pad>"
        kind = "Gemma4Unified" if name.startswith("gemma4-unified") else "Gemma4"
        extra["feature_extractor"] = named(f"{kind}AudioFeatureExtractor")()
    if name.startswith("shapes-vlm"):
        for part, token in (("boi", "<start_of_image>"), ("eoi", "<end_of_image>"), ("image", "<image_soft_token>")):
            setattr(tokenizer, f"{part}_token", token)
            setattr(tokenizer, f"{part}_token_id", tokenizer.convert_tokens_to_ids(token))
        extra["image_seq_length"] = settings["image_seq_length"]
    if name.startswith("minicpm-v"):
        for part in ("image", "slice", "image_id"):
            setattr(tokenizer, f"{part}_start_token", f"<{part}>")
            setattr(tokenizer, f"{part}_end_token", f"</{part}>")
        for part in ("image", "video"):
            setattr(tokenizer, f"{part}_token", f"<|{part}_pad|>")
            setattr(tokenizer, f"{part}_token_id", tokenizer.convert_tokens_to_ids(f"<|{part}_pad|>"))
        tokenizer.pad_token = "<|endoftext|>"
    if name.startswith("paddleocr"):
        tokenizer.image_token = family.image_token[0]
        tokenizer.image_token_id = tokenizer.convert_tokens_to_ids(tokenizer.image_token)
    if name.startswith("mistral3"):
        extra["spatial_merge_size"] = config["spatial_merge_size"]
    if name.startswith(("mistral3", "pixtral")):
        extra["patch_size"] = settings["patch_size"]["height"]
        merge = extra.get("spatial_merge_size", 1)
        # The processor gives its image processor the size of merged patches.
        settings["patch_size"] = {side: n * merge for side, n in settings["patch_size"].items()}
    if name.startswith(("smolvlm", "idefics3")):
        side = settings["max_image_size"]["longest_edge"]
        vision = config["vision_config"]
        extra["image_seq_len"] = (side // vision["patch_size"]) ** 2 // config["scale_factor"] ** 2
    if name.startswith("granite4-vision"):
        extra["downsample_rate"] = config["downsample_rate"]
    if name.startswith(("llava", "bakllava", "granite")):
        extra["patch_size"] = config["vision_config"]["patch_size"]
        extra["vision_feature_select_strategy"] = config["vision_feature_select_strategy"]
        extra["num_additional_image_tokens"] = int(config["vision_config"]["model_type"] == "clip_vision_model")
    images = named(family.image_processor)(**settings)
    arguments = {"image_processor": images, "tokenizer": tokenizer, "chat_template": tokenizer.chat_template, **extra}
    if name.startswith(("qwen", "glm4", "gemma4", "smolvlm", "internvl", "minicpm")):
        arguments["video_processor"] = video_processor(family)
    return images, named(family.processor)(**arguments), tokenizer


def video_processor(family):
    return named(family.processor.replace("2_5_VL", "2VL").replace("Processor", "VideoProcessor"))()


def runs(ids, image_tokens):
    """Token ids, and the number of those in place of an image for each run of them."""
    found = []
    for token in ids:
        if token not in image_tokens:
            found.append(token)
        elif found and isinstance(found[-1], list):
            found[-1][0] += 1
        else:
            found.append([1])
    return found


def describe_image(image, exact):
    image = np.asarray(image, dtype=np.float64)
    assert np.abs(image - image.round()).max() == 0, "pixels are whole numbers before they are normalized"
    flat = image.astype(np.uint8).reshape(-1)
    at = [round(i * (len(flat) - 1) / (SAMPLED - 1)) for i in range(SAMPLED)]
    described = {"width": image.shape[1], "height": image.shape[0], "sample": [int(flat[i]) for i in at]}
    return described | ({"sha256": hashlib.sha256(flat.tobytes()).hexdigest()} if exact else {})


def describe_budget(family, images, kwargs):
    own = dict(RAW)
    RAW.update(kwargs)
    cases = [case for case in CASES["pictures"] if (case["width"], case["height"]) in PICTURES]
    pictures = [
        {
            **{key: case[key] for key in ("width", "height", "seed")},
            "inputs": [describe_image(made, family.exact) for made in family.images(images, picture(case["file"]))],
        }
        for case in cases
    ]
    RAW.clear()
    RAW.update(own)
    return {"kwargs": kwargs, "pictures": pictures}


def describe_budgets(name):
    """For each of a checkpoint's budgets, what becomes of pictures, and the first conversation."""
    folder = directory / name
    family = family_of(name)
    images, processor, tokenizer = build(name, family, folder)
    model = load_model(name, family, folder, tokenizer)
    described = []
    for kwargs in BUDGETS[name]:
        asked = describe_budget(family, images, kwargs)
        prompt = describe_prompt(family, processor, tokenizer, model, CASES["conversations"][0], kwargs)
        described.append({**asked, "prompt": prompt})
    return described


def describe_prompt(family, processor, tokenizer, model, conversation, kwargs=None):
    image_tokens = set(tokenizer.convert_tokens_to_ids(list(family.image_token)))
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    shown = [picture(part["file"]) for turn in conversation for part in turn["content"] if part["type"] == "image"]
    inputs = processor(text=text, images=shown or None, return_tensors="pt", **(kwargs or {}))
    prompt = {"tokens": runs(inputs["input_ids"][0].tolist(), image_tokens)}
    if model is not None:
        prompt["logits"] = first_logits(family, model, inputs)
    return prompt


def describe_video(name):
    """What a model answers about the frames of a video, two of them a second."""
    folder = directory / name
    family = family_of(name)
    _, processor, tokenizer = build(name, family, folder)
    video = VIDEOS[name]
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    videos = processor.video_processor.__class__(
        **{key: settings[key] for key in ("patch_size", "temporal_patch_size", "merge_size", "image_mean", "image_std")}
    )
    frames = torch.from_numpy(frames_of(video).transpose(0, 3, 1, 2).copy())
    shown = videos(videos=[frames], return_tensors="pt", do_resize=False, do_sample_frames=False)
    groups, rows, columns = shown["video_grid_thw"][0].tolist()
    tokens = rows * columns // videos.merge_size**2
    token = family.image_token[0]
    turns = [{"role": "user", "content": [{"type": "image"}]}]
    turn = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ends = ("<|begin_of_image|>", "<|end_of_image|>") if name.startswith("glm4") else ("<|vision_start|>", "<|vision_end|>")
    text = turn.replace(token.join(ends), frame_text(video, token, groups, tokens) + "What moves?")
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    image = tokenizer.convert_tokens_to_ids(token)
    # The tiny vocabularies lack the token for videos: one that is not in the prompt stands in its place. GLM-4V has none.
    pad = image if name.startswith("glm4") else next(candidate for candidate in range(image) if candidate not in ids)
    is_video = ids == image
    model = load_model(name, family, folder, tokenizer, {"video_token_id": pad})
    if LIKE_GGML:
        round_gelu(model)
    inputs = {
        "input_ids": ids.masked_fill(is_video, pad),
        "attention_mask": torch.ones_like(ids),
        "pixel_values_videos": shown["pixel_values_videos"],
        "video_grid_thw": shown["video_grid_thw"],
        "mm_token_type_ids": is_video.int() * 2,
    }
    if video["times"] == "positions of seconds":
        inputs["second_per_grid_ts"] = torch.tensor([videos.temporal_patch_size / 2])
    return {**video, "prompt": {"tokens": runs(ids[0].tolist(), {image}), "logits": first_logits(family, model, inputs)}}


def describe(name):
    folder = directory / name
    family = family_of(name)
    images, processor, tokenizer = build(name, family, folder)
    pictures = [
        {**case, "inputs": [describe_image(made, family.exact) for made in family.images(images, picture(case["file"]))]}
        for case in (CASES["pictures"] if CHANGE is None else [])
    ]
    for case in pictures:
        del case["file"]
    model = load_model(name, family, folder, tokenizer)
    if LIKE_GGML and isinstance(model, torch.nn.Module):
        round_gelu(model)
    prompts = [describe_prompt(family, processor, tokenizer, model, conversation) for conversation in CASES["conversations"]]
    return {**({"pictures": pictures} if CHANGE is None else {"change": CHANGE}), "prompts": prompts}


def load_model(name, family, folder, tokenizer, changes=None):
    """The model in float32, or None where transformers has no class for it."""
    if family.model is None:
        return None
    model_class = named(family.model)
    weights = {k: v for path in sorted(folder.glob("*.safetensors")) for k, v in load_file(path).items()}
    raw = json.loads((folder / "config.json").read_text())
    if name.startswith("kimi-vl"):
        return kimi_vl(model_class, raw, weights, tokenizer.convert_tokens_to_ids(family.image_token[0]))
    if name.startswith("deepseek-ocr"):
        raw = deepseek_ocr.transformers_config(raw, tokenizer.convert_tokens_to_ids("<image>"))
    if name.startswith("internvl"):
        raw, weights = internvl_config(raw), internvl_weights(weights)
    if name.startswith(("pixtral", "mistral3")):
        weights = {k if k.startswith(("vision", "multi")) else f"language_model.{k}": v for k, v in weights.items()}
    if name.startswith("qwen3-vl-moe"):
        # transformers 5 turns round the experts of the Hub's layout, but cannot tell that of square ones.
        weights = {
            k: v.transpose(1, 2).contiguous() if k.endswith("gate_up_proj") and v.shape[1] == v.shape[2] else v
            for k, v in weights.items()
        }
    if name.startswith("llama4"):
        # Its forward asks for it, and its text model's output lacks it.
        transformers.modeling_outputs.MoeCausalLMOutputWithPast.image_outputs = None
    if name.startswith("gemma3n"):
        from gemma3n_tower import narrow

        narrow(raw["vision_config"]["hidden_size"])
    if name.startswith("glm4.5v"):
        raw["text_config"]["routed_scaling_factor"] = float(raw["text_config"]["routed_scaling_factor"])
    raw |= {key: tokenizer.convert_tokens_to_ids(family.image_token[0]) for key in ("image_token_id", "image_token_index")}
    raw |= changes or {}
    if changes and name.startswith("qwen2.5-vl"):
        raw["vision_config"]["tokens_per_second"] = 2
    return family.change(from_pretrained(model_class, raw, weights))


def from_pretrained(model_class, config, weights):
    """A model of transformers in float32. Fails where it finds no weights for a part of it."""
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "config.json").write_text(json.dumps(config))
        save_file(weights, Path(temporary) / "model.safetensors", metadata={"format": "pt"})
        model, report = model_class.from_pretrained(
            temporary, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    lacking = [*report["missing_keys"], *report["mismatched_keys"]]
    assert not lacking, f"no weights for {lacking[:5]}"
    return model.eval()


def kimi_vl(text_class, config, weights, image_token):
    prefix = "language_model."
    text = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    seen = {name: tensor for name, tensor in weights.items() if not name.startswith(prefix)}
    text_model = from_pretrained(text_class, config["text_config"], text)
    return KimiVL({**config, "media_placeholder_token_id": image_token}, seen, text_model, TableGelu() if LIKE_GGML else torch.nn.GELU("tanh"))


def internvl_config(config):
    """The configuration of transformers' own class for that of the code that comes with the checkpoints."""
    vision = config["vision_config"]
    sides = {key: [n, n] if isinstance(n := vision[key], int) else n for key in ("image_size", "patch_size")}
    kept = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "norm_type", "layer_norm_eps")
    return {
        "architectures": ["InternVLForConditionalGeneration"],
        "model_type": "internvl",
        "text_config": config["llm_config"],
        "vision_config": {
            "model_type": "internvl_vision",
            **{key: vision[key] for key in kept},
            **sides,
            "attention_bias": vision["qkv_bias"],
            "use_qk_norm": vision["qk_normalization"],
            "use_absolute_position_embeddings": True,
            "use_mean_pooling": True,
        },
        "downsample_ratio": config["downsample_ratio"],
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "default",
        "projector_hidden_act": "gelu",
        "tie_word_embeddings": config["llm_config"].get("tie_word_embeddings", False),
    }


INTERNVL_NAMES = (
    ("vision_model.embeddings.class_embedding", "model.vision_tower.embeddings.cls_token"),
    ("vision_model.embeddings.position_embedding", "model.vision_tower.embeddings.position_embeddings"),
    ("vision_model.embeddings.patch_embedding", "model.vision_tower.embeddings.patch_embeddings.projection"),
    ("vision_model.encoder.layers.", "model.vision_tower.encoder.layer."),
    (".attn.proj.", ".attention.projection_layer."),
    (".attn.", ".attention."),
    (".ls1", ".lambda_1"),
    (".ls2", ".lambda_2"),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    ("mlp1.0.", "model.multi_modal_projector.layer_norm."),
    ("mlp1.1.", "model.multi_modal_projector.linear_1."),
    ("mlp1.3.", "model.multi_modal_projector.linear_2."),
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head.", "lm_head."),
)


def internvl_weights(weights):
    renamed = {}
    for name, tensor in weights.items():
        for old, new in INTERNVL_NAMES:
            name = name.replace(old, new)
        if ".attention.qkv." in name:
            for part, rows in zip("qkv", tensor.chunk(3)):
                renamed[name.replace("qkv", f"{part}_proj")] = rows.contiguous()
        else:
            renamed[name] = tensor
    return renamed


def first_logits(family, model, inputs):
    # Llama 4's processor gives pixels in bfloat16.
    if "pixel_values" in inputs and inputs["pixel_values"].dtype == torch.bfloat16:
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    inputs = {k: v for k, v in inputs.items() if k != "token_type_ids" or k in family.told}
    # Gemma 3n's encoder convolves in single precision.
    if LIKE_GGML and not type(model).__name__.startswith("Gemma3n"):
        for key in {"pixel_values", "pixel_values_videos"} & inputs.keys():
            inputs[key] = halved(inputs[key])
    with torch.no_grad():
        logits = family.first(model, inputs)
    top = logits.topk(5)
    return [[int(token), round(float(logit), 4)] for token, logit in zip(top.indices, top.values)]


def halved(numbers):
    return [halved(part) for part in numbers] if isinstance(numbers, list) else numbers.half().float()


class TableGelu(torch.nn.Module):
    """ggml's CPU kernel looks GELU's approximation up in a table of half-precision numbers, from -10 to 10."""

    def forward(self, x):
        found = halved(torch.nn.functional.gelu(halved(x), approximate="tanh"))
        return torch.where(x <= -10, 0, torch.where(x >= 10, x, found))


def round_gelu(model):
    for name, module in list(model.named_modules()):
        if type(module).__name__ == "GELUTanh" or getattr(module, "approximate", "none") == "tanh":
            model.set_submodule(name, TableGelu())
        elif type(module).__name__ == "Gemma3nTextMLP":
            module._gaussian_topk = sample_topk


def sample_topk(gates):
    """llama.cpp takes the deviation of Gemma 3n's gates for that of a sample: of thousands of gates, it is the same."""
    cutoff = gates.mean(-1, keepdim=True) + gates.std(-1, keepdim=True) * 1.6448533535003662
    return torch.relu(gates - cutoff)


failures = 0
for name in names:
    try:
        described = (describe_budgets if WITH_BUDGETS else describe_video if WITH_VIDEOS else describe)(name)
    except Exception:
        traceback.print_exc()
        failures += 1
        continue
    (output / f"{name}.json").write_text(json.dumps(described, separators=(",", ":")) + "\n")
    prompt = described[0]["prompt"] if WITH_BUDGETS else described["prompt"] if WITH_VIDEOS else described["prompts"][0]
    print(name, "with logits" if "logits" in prompt else "", flush=True)
sys.exit(failures)
