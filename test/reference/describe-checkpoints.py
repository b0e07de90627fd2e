"""Describe tiny checkpoints of many families, for the converter's tests.

Usage: describe-checkpoints.py <output directory> [name…]

With transformers 4 it describes those of families.py, families_llava.py and families_deepseek_ocr.py, with transformers 5
those of families5.py, families_llava.py and families_ocr.py, and with timm beside them those of families_gemma3n.py.

Each description holds the configuration files, as they stand on the Hub but with small sizes, and the names and shapes
of the tensors that transformers saves for that configuration. `write-checkpoints.ts` makes checkpoints of them.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from chosen_names import chosen_names
from families import FAMILIES
from families5 import FAMILIES5
from families_deepseek_ocr import FAMILIES_DEEPSEEK_OCR
from families_gemma3n import FAMILIES_GEMMA3N
from families_llava import FAMILIES_LLAVA, FAMILIES_LLAVA5
from families_ocr import FAMILIES_OCR

output = Path(sys.argv[1])
by_transformers_5 = not transformers.__version__.startswith("4.")
if by_transformers_5:
    families = FAMILIES5 | FAMILIES_LLAVA5 | FAMILIES_OCR | FAMILIES_GEMMA3N
else:
    families = FAMILIES | FAMILIES_LLAVA | FAMILIES_DEEPSEEK_OCR


def saved_shapes(config: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        if config["model_type"] == "gemma3n":
            from gemma3n_tower import narrow

            narrow(config["vision_config"]["hidden_size"])
        loaded = AutoConfig.from_pretrained(folder)
        auto = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
        model = auto.from_config(loaded, dtype=torch.bfloat16)
        model.save_pretrained(f"{folder}/saved")
        with safe_open(f"{folder}/saved/model.safetensors", "pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}


for name in chosen_names(sys.argv[2:], list(families), f" that transformers {transformers.__version__} describes"):
    family = families[name]
    shapes = family.pop("shapes", None)
    shapes = shapes() if callable(shapes) else saved_shapes(family["files"]["config.json"])
    shapes = family.pop("further", lambda shapes: shapes)(shapes)
    rename = family.pop("rename", lambda name: name)
    if by_transformers_5:
        # It refuses 30 where it wants 30.0: such files stay the text that they are.
        texts = {file: json.dumps(it) for file, it in family["files"].items() if not isinstance(it, str)}
        family["files"] = {**family["files"], **texts}
    description = {
        "dtype": "BF16",
        "shards": 1,
        "outtypes": ["f32", "f16", "bf16", "q8_0"],
        **family,
        "shapes": {rename(tensor): shape for tensor, shape in sorted(shapes.items())},
    }
    (output / f"{name}.json").write_text(json.dumps(description, separators=(",", ":")) + "\n")
    print(name, len(shapes))
