"""Write down a real checkpoint for test/fixtures/real-checkpoints: its configuration, and the names of its tensors.

Usage: describe-real.py <folder with config.json and model.safetensors.index.json> <where it comes from> <output.json>

Numbers in the names that count up become ranges: `model.layers.{0-27}.mlp.up_proj.weight`.
"""

import itertools
import json
import re
import sys
from pathlib import Path

folder, source, output = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
LEFT_OUT = ("auto_map", "_name_or_path", "chat_template", "special_tokens", "quantization_config", "id2label", "label2id")


def read(name):
    path = folder / name
    return json.loads(path.read_text()) if path.exists() else None


def plain(settings):
    return settings and {key: value for key, value in settings.items() if key not in LEFT_OUT}


def ranges(numbers):
    """Runs of whole numbers, each its first and its last."""
    for _, run in itertools.groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in run]
        yield f"{{{run[0]}-{run[-1]}}}"


def collapsed(names):
    """The last number of a name becomes a range where the rest is the same, then the one before it."""
    for last in (True, False):
        groups = {}
        for name in names:
            numbers = list(re.finditer(r"(?<=\.)\d+(?=\.)", name))
            numbers = numbers if last else numbers[:1]
            if not numbers:
                groups.setdefault(name, None)
                continue
            at = numbers[-1]
            groups.setdefault(f"{name[: at.start()]}\0{name[at.end() :]}", []).append(int(at[0]))
        names = [name.replace("\0", part) for name, found in groups.items() for part in (ranges(found) if found else [""])]
    return names


index = read("model.safetensors.index.json")
files = {name: plain(read(name)) for name in ("config.json", "preprocessor_config.json", "processor_config.json")}
described = {
    "source": source,
    "files": {name: content for name, content in files.items() if content},
    "totalBytes": index["metadata"].get("total_size"),
    "tensors": collapsed(sorted(index["weight_map"])),
}
output.write_text(json.dumps(described, indent=1) + "\n")
print(output.stem, len(index["weight_map"]), len(described["tensors"]), described["totalBytes"])
