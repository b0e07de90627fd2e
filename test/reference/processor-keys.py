"""Write down which settings transformers' image processors have, and which positions Idefics 3 gives the patches of tiles.

Usage: processor-keys.py <test/fixtures/image-processor-keys.json>
"""

import json
import sys

import torch
import transformers

# By the names that src/convert/architectures/image-processors.ts gives them.
FAMILIES = {
    "gemma3": ["Gemma3ImageProcessorPil"],
    "gemma3n": ["SiglipImageProcessorPil"],
    "gemma4": ["Gemma4ImageProcessorPil", "Gemma4UnifiedImageProcessor"],
    "qwenVl": ["Qwen2VLImageProcessorPil", "Glm4vImageProcessorPil", "PaddleOCRVLImageProcessorPil"],
    "pixtral": ["PixtralImageProcessorPil"],
    "idefics3": ["Idefics3ImageProcessorPil", "SmolVLMImageProcessorPil"],
    "internVl": ["GotOcr2ImageProcessorPil"],
    "lfm2Vl": ["Lfm2VlImageProcessor"],
    "llama4": ["Llama4ImageProcessor"],
    "llava": ["CLIPImageProcessorPil", "SiglipImageProcessorPil", "LlavaImageProcessorPil"],
    "llavaNext": ["LlavaNextImageProcessorPil"],
    "miniCpmV": ["MiniCPMV4_6ImageProcessorPil"],
}
TILES = [(24, 32), (12, 16), (48, 32), (7, 4), (6, 4), (26, 27), (33, 26), (64, 27)]


def settings(name):
    made = getattr(transformers, name)
    # What it writes down of itself, and what it takes.
    return sorted(set(made().to_dict()) | set(made.valid_kwargs.__annotations__))


def positions(tile, table):
    """As the embeddings of Idefics3VisionEmbeddings are chosen, along one side of a tile."""
    boundaries = torch.arange(1 / table, 1.0, 1 / table)
    fractions = torch.arange(tile, dtype=torch.float32) * (1.0 / torch.tensor(tile))
    return torch.bucketize(torch.clamp(fractions, max=1.0 - 1e-6), boundaries, right=True).tolist()


processors = [
    {"name": name, "family": family, "settings": settings(name)} for family, names in FAMILIES.items() for name in names
]
tiles = [{"tile": tile, "table": table, "positions": positions(tile, table)} for tile, table in TILES]
with open(sys.argv[1], "w") as file:
    rows = ",\n".join(json.dumps(one) for one in processors)
    cases = ",\n".join(json.dumps(one) for one in tiles)
    file.write(f'{{"processors": [\n{rows}\n],\n"tilePositions": [\n{cases}\n]}}\n')
