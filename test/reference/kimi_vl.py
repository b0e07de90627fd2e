"""Kimi-VL's model, of which transformers has the text model only (DeepSeek V3): MoonViT and its projector are written out.

What the code that comes with the checkpoints does, as its configuration and its tensors describe it.
"""

from types import SimpleNamespace

import torch
from torch.nn import functional as F


class MoonViT:
    """The encoder and the projector, in the tensors of a checkpoint."""

    def __init__(self, config, weights, gelu):
        self.config, self.gelu = config, gelu
        self.weights = {name: tensor.float() for name, tensor in weights.items()}

    def _affine(self, function, name, x, *between):
        return function(x, *between, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _linear(self, name, x):
        return self._affine(F.linear, name, x)

    def _norm(self, name, x):
        return self._affine(F.layer_norm, name, x, (x.shape[-1],))

    def _positions(self, rows, columns):
        """The learned grid, enlarged or shrunk to the picture's."""
        grid = self.weights["vision_tower.patch_embed.pos_emb.weight"]
        if (rows, columns) != tuple(grid.shape[:2]):
            grid = F.interpolate(grid.permute(2, 0, 1)[None], size=(rows, columns), mode="bicubic")[0].permute(1, 2, 0)
        return grid.reshape(rows * columns, -1)

    def _rotations(self, rows, columns, size):
        """What each pair of a head's numbers is turned by: pairs go by column and by row in turn."""
        frequencies = 10000 ** (-torch.arange(0, size, 4) / size)
        row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        angles = torch.stack([axis.reshape(-1, 1) * frequencies for axis in (column, row)], dim=-1).flatten(1)
        return torch.polar(torch.ones_like(angles), angles)[:, None]

    def __call__(self, pixels):
        """The tokens of a normalized picture, H × W × 3."""
        patch, heads = self.config["patch_size"], self.config["num_attention_heads"]
        rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
        embed = "vision_tower.patch_embed.proj"
        x = F.conv2d(
            pixels.permute(2, 0, 1)[None], self.weights[f"{embed}.weight"], self.weights[f"{embed}.bias"], stride=patch
        )
        x = x[0].flatten(1).T + self._positions(rows, columns)
        width = x.shape[1]
        rotations = self._rotations(rows, columns, width // heads)

        def turned(part):
            pairs = torch.view_as_complex(part.reshape(*part.shape[:-1], -1, 2).contiguous())
            return torch.view_as_real(pairs * rotations).flatten(-2)

        for layer in range(self.config["num_hidden_layers"]):
            name = f"vision_tower.encoder.blocks.{layer}"
            query, key, value = self._linear(f"{name}.wqkv", self._norm(f"{name}.norm0", x)).view(-1, 3, heads, width // heads).unbind(1)
            query, key, value = (part.transpose(0, 1) for part in (turned(query), turned(key), value))
            seen = F.scaled_dot_product_attention(query, key, value).transpose(0, 1).reshape(-1, width)
            x = x + self._linear(f"{name}.wo", seen)
            inner = self.gelu(self._linear(f"{name}.mlp.fc0", self._norm(f"{name}.norm1", x)))
            x = x + self._linear(f"{name}.mlp.fc1", inner)
        x = self._norm("vision_tower.encoder.final_layernorm", x)
        x = self._norm("multi_modal_projector.pre_norm", x)
        down, right = self.config["merge_kernel_size"]
        x = x.view(rows // down, down, columns // right, right, width).transpose(1, 2).reshape(-1, down * right * width)
        return self._linear("multi_modal_projector.linear_2", F.gelu(self._linear("multi_modal_projector.linear_1", x)))


class KimiVL:
    """Answers as a model of transformers does: `logits` for token ids and pictures in the place of the image tokens."""

    def __init__(self, config, weights, text_model, gelu):
        self.text_model, self.image_token = text_model, config["media_placeholder_token_id"]
        self.encoder = MoonViT(config["vision_config"], weights, gelu)

    def __call__(self, input_ids, pixel_values=(), **_):
        embedded = self.text_model.get_input_embeddings()(input_ids)
        if pixel_values:
            embedded[input_ids == self.image_token] = torch.cat([self.encoder(pixels) for pixels in pixel_values])
        return SimpleNamespace(logits=self.text_model(inputs_embeds=embedded).logits)
