"""Describe tiny checkpoints of many families, for the converter's tests.

Usage: describe-checkpoints.py <output directory> [name…]

Each description holds the configuration files, as they stand on the Hub but with small sizes, and the names and shapes
of the tensors that transformers saves for that configuration. `write-checkpoints.ts` makes checkpoints of them.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from families import FAMILIES

output = Path(sys.argv[1])


def saved_shapes(config: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        loaded = AutoConfig.from_pretrained(folder)
        auto = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
        model = auto.from_config(loaded, torch_dtype=torch.bfloat16)
        model.save_pretrained(f"{folder}/saved")
        with safe_open(f"{folder}/saved/model.safetensors", "pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}


for name, family in FAMILIES.items():
    if len(sys.argv) > 2 and name not in sys.argv[2:]:
        continue
    shapes = family.pop("shapes", None)
    shapes = shapes() if callable(shapes) else saved_shapes(family["files"]["config.json"])
    rename = family.pop("rename", lambda name: name)
    description = {
        "dtype": "BF16",
        "shards": 1,
        "outtypes": ["f32", "f16", "bf16", "q8_0"],
        **family,
        "shapes": {rename(tensor): shape for tensor, shape in sorted(shapes.items())},
    }
    (output / f"{name}.json").write_text(json.dumps(description, separators=(",", ":")) + "\n")
    print(name, len(shapes))
