"""Write down what transformers' image processors make of images when they are set up otherwise than on the Hub.

Usage: processor-settings.py <test/fixtures/processor-settings.json>

The fixture says for each case which reference checkpoint is changed, in which file and how, and what becomes of images: the
sizes of their tiles, the whole last, as the vision encoder gets them, and for some the hash of the pixels, which are taken
back to bytes.
"""

import copy
import hashlib
import json
import sys

import numpy as np
import transformers
from PIL import Image

MEANS = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def grid_sizes(processor, image):
    _, rows, columns = processor(images=[image], return_tensors="np")["image_grid_thw"][0]
    return [[int(columns) * processor.patch_size, int(rows) * processor.patch_size]]


def tile_sizes(processor, image):
    pixels = np.asarray(processor(images=[image], return_tensors="pt")["pixel_values"].float())
    return [[tile.shape[2], tile.shape[1]] for tile in pixels.reshape(-1, *pixels.shape[-3:])]


def spatial_sizes(processor, image):
    side = processor.encoder_patch_size
    return [[w * side, h * side] for h, w in processor(images=[[image]], return_tensors="pt")["spatial_shapes"].tolist()]


def target_sizes(processor, image):
    sizes = processor(images=[image], return_tensors="np")["target_sizes"].tolist()
    sizes = [[w * processor.patch_size, h * processor.patch_size] for h, w in sizes]
    return [*sizes[1:], sizes[0]]


def position_sizes(side):
    def sizes(processor, image):
        positions = processor(images=[image], return_tensors="np")["image_position_ids"][0]
        columns, rows = (int(n) + 1 for n in positions[(positions >= 0).all(axis=-1)].max(axis=0))
        return [[columns * side, rows * side]]

    return sizes


class KimiVL:
    """The sizes of image_processing_kimi_vl.py, which comes with the checkpoints."""

    def __init__(self, in_token_limit):
        self.limit, self.patch = in_token_limit, 14

    def sizes(self, image):
        width, height = image.size
        patches = (width // self.patch) * (height // self.patch)
        if patches > self.limit:
            scale = (self.limit / patches) ** 0.5
            width, height = int(width * scale), int(height * scale)
        side = 2 * self.patch
        return [[width + -width % side, height + -height % side]]


PREPROCESSOR, PROCESSOR, CONFIG = "preprocessor_config.json", "processor_config.json", "config.json"
QWEN3 = {"patch_size": 16, "merge_size": 2}
GEMMA4 = {"max_soft_tokens": 280, "patch_size": 16, "pooling_kernel_size": 3}
CLIP = {"size": {"shortest_edge": 70}, "crop_size": {"height": 70, "width": 70}}
GEMMA3 = {"size": {"height": 112, "width": 112}}
PAN_AND_SCAN = {
    "pan_and_scan_min_crop_size": 256,
    "pan_and_scan_max_num_crops": 4,
    "pan_and_scan_min_ratio_to_activate": 1.2,
}
INTERNVL = {"size": {"height": 56, "width": 56}, "crop_to_patches": True}
LARGE, LONG, SMALL = (3000, 2000), (37, 500), (640, 480)


def picture(width, height):
    """Waves and edges: the same as processor-settings.test.ts makes."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    return Image.fromarray((x * 7 + y * 13 + c * 50 + (x * y >> 3)).astype(np.uint8))


def whole_tiles(processor, image):
    size = getattr(processor, "max_image_size", None) or processor.crop_size or processor.size
    side = size["longest_edge"] if "longest_edge" in size and size["longest_edge"] else size["height"]
    pixels = processor(images=[image], return_tensors="pt")["pixel_values"]
    return list(np.asarray(pixels.float()).reshape(-1, 3, side, side))


def grid_image(processor, image):
    """The picture that the patches of Qwen's processors make up."""
    made = processor(images=[image], return_tensors="np")
    _, rows, columns = (int(n) for n in made["image_grid_thw"][0])
    patch, merge = processor.patch_size, processor.merge_size
    patches = made["pixel_values"].reshape(rows // merge, columns // merge, merge, merge, 3, -1, patch, patch)[..., 0, :, :]
    return [patches.transpose(4, 0, 2, 5, 1, 3, 6).reshape(3, rows * patch, columns * patch)]


def without_thumbnail(processor, image):
    tiles = whole_tiles(processor, image)
    return tiles[:-1] if len(tiles) > 1 else tiles


def one_image(processor, image):
    return [np.asarray(processor(images=[image], return_tensors="np")["pixel_values"][0])]


def hash_of(pixels):
    """Of the bytes in rows of R G B, from what MEANS made of them."""
    bytes = np.rint((np.asarray(pixels, dtype=np.float64) * 0.5 + 0.5) * 255)
    return hashlib.sha256(bytes.astype(np.uint8).transpose(1, 2, 0).tobytes()).hexdigest()


def exact(checkpoint, change, pixels, processor, further=None, pictures=((300, 170), (90, 131)), settings=None, file=None):
    """A case whose pixels are known to the last bit: Pillow's."""
    made = case(checkpoint, file or PREPROCESSOR, change, None, processor, further, pictures, settings)
    return {**made, "pixels": pixels}


def case(checkpoint, file, change, sizes, processor, further=None, pictures=(LARGE, LONG, SMALL), settings=None):
    return {
        "checkpoint": checkpoint,
        "file": file,
        "change": change,
        "sizes": sizes,
        "processor": processor,
        "settings": {**MEANS, **(further or {}), **(change if settings is None else settings)},
        "pictures": pictures,
    }


def qwen(checkpoint, change, further=None, settings=None):
    return case(checkpoint, PREPROCESSOR, change, grid_sizes, "Qwen2VLImageProcessorPil", further, settings=settings)


def lfm2(change):
    return case("lfm2-vl-tiny", PREPROCESSOR, change, spatial_sizes, "Lfm2VlImageProcessor", {"encoder_patch_size": 16})


def minicpm(change):
    return case("minicpm-v-4.6-tiny", PREPROCESSOR, change, target_sizes, "MiniCPMV4_6ImageProcessorPil")


EMBEDDING = {"min_pixels": 4096, "max_pixels": 1310720, "size": {"shortest_edge": 4096, "longest_edge": 1310720}}
NOTHING = {"min_pixels": None, "max_pixels": None}
LFM2_TILES = {"min_image_tokens": 32, "max_image_tokens": 128, "max_tiles": 4, "tile_size": 256, "max_pixels_tolerance": 1.5}
CASES = [
    qwen("qwen3-vl-tiny", EMBEDDING, QWEN3),
    qwen("qwen3.5-tiny", {"size": {"shortest_edge": 65536, "longest_edge": 2097152}}, QWEN3),
    qwen("qwen2-vl-tiny", {"max_pixels": 1048576}, settings={"min_pixels": 3136, "max_pixels": 1048576}),
    qwen("qwen2.5-vl-tiny", {**NOTHING, "size": {"min_pixels": 12544, "max_pixels": 602112}}, settings={"min_pixels": 12544, "max_pixels": 602112}),
    qwen("qwen2.5-vl-nested-tiny", NOTHING, settings={}),
    case(
        "glm4v-tiny",
        PREPROCESSOR,
        {"size": {"shortest_edge": 200704, "longest_edge": 1605632}},
        grid_sizes,
        "Glm4vImageProcessorPil",
    ),
    case(
        "paddleocr-vl-tiny",
        PREPROCESSOR,
        {**NOTHING, "size": {"shortest_edge": 50176, "longest_edge": 802816}},
        grid_sizes,
        "PaddleOCRVLImageProcessorPil",
        settings={"size": {"shortest_edge": 50176, "longest_edge": 802816}},
    ),
    case("kimi-vl-tiny", PREPROCESSOR, {"in_token_limit": 16384}, None, None, pictures=(LARGE, (700, 2100))),
    case("kimi-vl-tiny", PREPROCESSOR, {"in_token_limit": 1024}, None, None),
    lfm2(LFM2_TILES),
    lfm2({"do_image_splitting": False}),
    case(
        "llama4-scout-tiny",
        PREPROCESSOR,
        {"max_patches": 4},
        tile_sizes,
        "Llama4ImageProcessor",
        {"size": {"height": 84, "width": 84}},
    ),
    minicpm({"max_slice_nums": 4}),
    minicpm({"slice_mode": False}),
    *(
        case(
            "gemma4-31b-tiny",
            PROCESSOR,
            {"image_processor": {**GEMMA4, **MEANS, "max_soft_tokens": tokens}},
            position_sizes(16),
            "Gemma4ImageProcessorPil",
            settings={**GEMMA4, "max_soft_tokens": tokens},
            pictures=(LARGE, SMALL),
        )
        for tokens in (70, 560)
    ),
    case(
        "gemma4-unified-tiny",
        PROCESSOR,
        {"image_processor": {**GEMMA4, **MEANS, "max_soft_tokens": 140}},
        position_sizes(48),
        "Gemma4UnifiedImageProcessor",
        settings={**GEMMA4, "max_soft_tokens": 140},
        pictures=(LARGE, SMALL),
    ),
    *(
        case(
            "smolvlm-tiny",
            PREPROCESSOR,
            change,
            tile_sizes,
            "SmolVLMImageProcessorPil",
            {"max_image_size": {"longest_edge": 64}, "size": {"longest_edge": 256}},
            pictures=(SMALL, (90, 200)),
        )
        for change in ({"do_image_splitting": False}, {"size": {"longest_edge": 128}})
    ),
    case(
        "internvl3-hf-tiny",
        PREPROCESSOR,
        {"min_patches": 2, "max_patches": 4},
        tile_sizes,
        "GotOcr2ImageProcessorPil",
        INTERNVL,
        pictures=(SMALL, (90, 400)),
    ),
    case(
        "internvl3-tiny",
        CONFIG,
        {"dynamic_image_size": False},
        tile_sizes,
        "GotOcr2ImageProcessorPil",
        settings={**INTERNVL, "crop_to_patches": False},
        pictures=(SMALL, (90, 400)),
    ),
    case(
        "pixtral-tiny",
        PREPROCESSOR,
        {"size": {"longest_edge": 512}},
        tile_sizes,
        "PixtralImageProcessorPil",
        {"patch_size": {"height": 16, "width": 16}},
    ),
    # The processor gives its image processor the size of merged patches.
    case(
        "mistral3-tiny",
        PREPROCESSOR,
        {"size": {"longest_edge": 980}},
        tile_sizes,
        "PixtralImageProcessorPil",
        {"patch_size": {"height": 28, "width": 28}},
    ),
    exact(
        "shapes-vlm",
        {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 40},
        whole_tiles,
        "Gemma3ImageProcessorPil",
        GEMMA3,
        ((300, 170), (90, 131), (100, 100), (60, 50), (59, 50), (431, 97), (41, 400), (400, 30)),
        {"do_pan_and_scan": True, **PAN_AND_SCAN, "pan_and_scan_min_crop_size": 40},
    ),
    exact(
        "shapes-vlm",
        {"do_pan_and_scan": True, **PAN_AND_SCAN, "pan_and_scan_max_num_crops": 2, "pan_and_scan_min_ratio_to_activate": 2.5},
        whole_tiles,
        "Gemma3ImageProcessorPil",
        GEMMA3,
        ((900, 360), (800, 360), (300, 1200)),
    ),
    exact("shapes-vlm", {"do_resize": False}, whole_tiles, "Gemma3ImageProcessorPil", GEMMA3, ((112, 112),)),
    exact("shapes-vlm", {"resample": 3}, whole_tiles, "Gemma3ImageProcessorPil", GEMMA3),
    exact("qwen2-vl-tiny", {"do_resize": False, **NOTHING}, grid_image, "Qwen2VLImageProcessorPil", settings={"do_resize": False}, pictures=((280, 168),)),
    exact("qwen2-vl-tiny", {"resample": 1, **NOTHING}, grid_image, "Qwen2VLImageProcessorPil", settings={"resample": 1}),
    exact("pixtral-tiny", {"do_resize": False}, one_image, "PixtralImageProcessorPil", {"patch_size": {"height": 16, "width": 16}}, ((320, 176),)),
    exact("llava-tiny", {"do_resize": False}, whole_tiles, "CLIPImageProcessorPil", CLIP, ((300, 170), (25, 131), (30, 17))),
    exact("llava-tiny", {"resample": 2}, whole_tiles, "CLIPImageProcessorPil", CLIP),
    *(
        exact(
            "smolvlm-tiny",
            change,
            whole_tiles,
            "SmolVLMImageProcessorPil",
            {"max_image_size": {"longest_edge": 64}, "size": {"longest_edge": 256}},
        )
        for change in ({"do_resize": False}, {"max_image_size": {"longest_edge": 128}}, {"resample": 3})
    ),
    exact("internvl3-hf-tiny", {"resample": 2}, whole_tiles, "GotOcr2ImageProcessorPil", INTERNVL),
    # The same tiles as without it, but for the last.
    exact(
        "internvl3-tiny",
        {"use_thumbnail": False},
        without_thumbnail,
        "GotOcr2ImageProcessorPil",
        file=CONFIG,
        settings={**INTERNVL, "min_patches": 1, "max_patches": 12},
    ),
    case(
        "llama4-scout-tiny",
        PREPROCESSOR,
        {"resize_to_max_canvas": True},
        tile_sizes,
        "Llama4ImageProcessor",
        {"size": {"height": 84, "width": 84}},
        pictures=(SMALL, (37, 500), (200, 200), (85, 83), (1500, 400)),
    ),
    lfm2({"use_thumbnail": False}),
]


def with_own_size(processor):
    """The class changes its own default when an instance is given bounds."""
    return type(processor.__name__, (processor,), {"size": copy.deepcopy(getattr(processor, "size", None))})


def described(checkpoint, file, change, sizes, processor, settings, pictures, pixels=None):
    if processor is None:
        sizes, made = KimiVL.sizes, KimiVL(**change)
    else:
        made = with_own_size(getattr(transformers, processor))(**settings)
    images = []
    for width, height in pictures:
        if pixels is not None:
            seen = pixels(made, picture(width, height))
            shapes = [[one.shape[2], one.shape[1]] for one in seen]
            images.append({"width": width, "height": height, "inputs": shapes, "sha256": [hash_of(one) for one in seen]})
            continue
        image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))
        images.append({"width": width, "height": height, "inputs": sizes(made, image)})
    return {"checkpoint": checkpoint, "file": file, "change": change, "images": images}


rows = [json.dumps(described(**one)) for one in CASES]
with open(sys.argv[1], "w") as file:
    file.write("[\n" + ",\n".join(rows) + "\n]\n")
