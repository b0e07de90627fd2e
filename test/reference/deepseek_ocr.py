"""DeepSeek-OCR's and DeepSeek-OCR 2's processor, which comes with the checkpoints, and transformers' classes for their models.

The first one's model is in transformers under the name of Unlimited-OCR, which has its layers; what else that has, a window
over what it writes, does not touch a first token.
"""

import numpy as np
import torch
from PIL import Image, ImageOps

SIDE, PATCH, MERGE = 1024, 16, 4
# Of the whole picture: 0.5 of white.
GREY = (127, 127, 127)


class DeepSeekOcrImageProcessor:
    """A picture larger than a tile is cut into tiles, at most so many; the whole is put on a grey square."""

    def __init__(self, config, tile, most):
        self.tile, self.most = tile, most
        self.mean, self.deviation = (torch.tensor(config[key]) for key in ("image_mean", "image_std"))

    def grid(self, image):
        """Columns and rows of tiles; nothing for a picture that is no larger than one."""
        width, height = image.size
        if max(width, height) <= self.tile:
            return None
        grids = {(w, h) for w in range(1, self.most + 1) for h in range(1, self.most + 1) if 2 <= w * h <= self.most}
        best, least = None, float("inf")
        for columns, rows in sorted(grids, key=lambda grid: grid[0] * grid[1]):
            difference = abs(width / height - columns / rows)
            is_large = width * height > 0.5 * self.tile**2 * columns * rows
            if difference < least or (difference == least and is_large):
                best, least = (columns, rows), difference
        return best

    def whole(self, image):
        # transformers' processor of DeepSeek-OCR 2 rounds half a pixel of a margin down, this one to the even number.
        return np.asarray(ImageOps.pad(image, (SIDE, SIDE), color=GREY))

    def tiles(self, image):
        """Rows of tiles, in arrays of their own."""
        if (grid := self.grid(image)) is None:
            return []
        columns, rows = grid
        pixels = np.asarray(image.resize((columns * self.tile, rows * self.tile), Image.Resampling.BICUBIC))
        return [np.split(row, columns, axis=1) for row in np.split(pixels, rows)]

    def normalized(self, pixels):
        return ((torch.from_numpy(pixels.copy()) / 255 - self.mean) / self.deviation).permute(2, 0, 1)


class DeepSeekOcrProcessor:
    image_token = "<image>"

    def __init__(self, image_processor, tokenizer, has_line_breaks):
        self.image_processor, self.tokenizer, self.has_line_breaks = image_processor, tokenizer, has_line_breaks

    def tokens(self, image):
        """How many stand for a picture: with a line break behind each row, or one of the whole and each tile's."""
        side, tile = SIDE // PATCH // MERGE, self.image_processor.tile // PATCH // MERGE
        columns, rows = self.image_processor.grid(image) or (0, 0)
        if self.has_line_breaks:
            return side * (side + 1) + 1 + rows * tile * (columns * tile + 1 if columns else 0)
        return side * side + 1 + rows * columns * tile * tile

    def __call__(self, text, images, **_):
        images = images or []
        parts = text.split(self.image_token)
        text = parts[0] + "".join(self.image_token * self.tokens(image) + part for image, part in zip(images, parts[1:]))
        ids = [self.tokenizer.convert_tokens_to_ids("<|endoftext|>"), *self.tokenizer(text)["input_ids"]]
        inputs = {"input_ids": torch.tensor([ids])}
        if not images:
            return inputs
        normalized = self.image_processor.normalized
        inputs["pixel_values"] = torch.stack([normalized(self.image_processor.whole(image)) for image in images])
        tiles = [[tile for row in self.image_processor.tiles(image) for tile in row] for image in images]
        if any(tiles):
            inputs["pixel_values_local"] = torch.stack([normalized(tile) for of_one in tiles for tile in of_one])
        inputs["num_local_patches"] = [len(of_one) for of_one in tiles]
        if self.has_line_breaks:
            inputs["patches_grid"] = [self.image_processor.grid(image) or (1, 1) for image in images]
        return inputs


def row_images(processor, image):
    """What our encoder is given: the tiles of a row one below the other; the whole last."""
    return [*(np.concatenate(row) for row in processor.tiles(image)), processor.whole(image)]


def tile_images(processor, image):
    return [*(tile for row in processor.tiles(image) for tile in row), processor.whole(image)]


def transformers_config(config, image_token):
    """The configuration of transformers' own class for that of the code that comes with the checkpoints."""
    text, vision = config["language_config"], config["vision_config"]
    sam, clip, qwen = (vision["width"].get(name) for name in ("sam_vit_b", "clip-l-14-224", "qwen2-0-5b"))
    encoder = (
        {
            "hidden_size": clip["width"],
            "intermediate_size": 4 * clip["width"],
            "num_hidden_layers": clip["layers"],
            "num_attention_heads": clip["heads"],
            "image_size": clip["image_size"],
            "patch_size": clip["patch_size"],
        }
        if clip
        else {
            "hidden_size": qwen["dim"],
            "intermediate_size": vision["intermediate_size"],
            "num_hidden_layers": vision["layers"],
            "num_attention_heads": vision["num_attention_heads"],
            "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        }
    )
    dense = text["first_k_dense_replace"]
    kept = (
        "vocab_size hidden_size intermediate_size moe_intermediate_size num_hidden_layers num_attention_heads"
        " num_key_value_heads n_routed_experts n_shared_experts num_experts_per_tok n_group topk_group topk_method"
        " max_position_embeddings"
    ).split()
    return {
        "model_type": "unlimited_ocr" if clip else "deepseek_ocr2",
        "image_token_id": image_token,
        "text_config": {
            **{key: text[key] for key in kept},
            "mlp_layer_types": ["dense" if layer < dense else "sparse" for layer in range(text["num_hidden_layers"])],
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            **({"sliding_window": text["max_position_embeddings"]} if clip else {}),
        },
        "vision_config": {
            "sam_config": {
                "hidden_size": sam["width"],
                "num_hidden_layers": sam["layers"],
                "num_attention_heads": sam["heads"],
                "mlp_dim": 4 * sam["width"],
                "global_attn_indexes": [layer for layer in sam["global_attn_indexes"] if layer < sam["layers"]],
                "downsample_channels": sam["downsample_channels"] if clip else [sam["downsample_channels"][0], qwen["dim"]],
            },
            "encoder_config": encoder,
        },
        "tie_word_embeddings": False,
    }
