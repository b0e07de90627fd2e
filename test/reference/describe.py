"""Convert checkpoints with llama.cpp's convert_hf_to_gguf.py and describe the results, for the converter's tests.

Usage: describe.py <llama.cpp> <directory of checkpoints> <output directory> < lines of "name outtype…"

Writes <output directory>/<name>.json in the format of test/fixtures/shapes-vlm-reference/gguf.json.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

llama_cpp, checkpoints, output = map(Path, sys.argv[1:4])
sys.path[1:1] = [str(llama_cpp), str(llama_cpp / "gguf-py")]

import convert_hf_to_gguf  # noqa: E402
import gemma3n_converter  # noqa: E402, F401
import llava_converter  # noqa: E402, F401
from chosen_names import chosen_names  # noqa: E402
from conversion.minicpm import MiniCPMV4_6TextModel  # noqa: E402
from gguf import GGUFReader  # noqa: E402

# It drops the layers that predict ahead, then insists on them, and refuses the flag that would have it do without.
MiniCPMV4_6TextModel.no_mtp = True

LONG = 64  # an array longer than this is described by its count and its hash


def sha256(data) -> str:
    return hashlib.sha256(data).hexdigest()


def describe(path: Path) -> dict:
    reader = GGUFReader(path)
    kv = {}
    for key, field in reader.fields.items():
        if key.startswith("GGUF."):
            continue
        value = field.contents()
        if isinstance(value, list) and len(value) > LONG:
            value = {"count": len(value), "sha256": sha256(json.dumps(value).encode())}
        elif isinstance(value, list):
            value = [str(it) if isinstance(it, float) and math.isinf(it) else it for it in value]
        kv[key] = [[t.name for t in field.types], value]
    tensors = [
        [t.name, [int(n) for n in t.shape], t.tensor_type.name, sha256(t.data.tobytes())] for t in reader.tensors
    ]
    return {"kv": kv, "tensors": tensors, "sha256": sha256(path.read_bytes())}


asked = {name: outtypes for name, *outtypes in map(str.split, sys.stdin)}
if not asked:
    sys.exit("No checkpoints came: see what write-checkpoints.js says.")
for name in chosen_names(list(asked), sorted(path.name for path in checkpoints.iterdir() if path.is_dir())):
    outtypes = asked[name]
    result = {}
    for outtype in outtypes:
        for projector in (False, True):
            config = json.loads((checkpoints / name / "config.json").read_text())
            if projector and "vision_config" not in config:
                continue
            path = checkpoints / f"{'mmproj' if projector else 'model'}-{outtype}.gguf"
            sys.argv = ["convert_hf_to_gguf.py", str(checkpoints / name), "--outfile", str(path), "--outtype", outtype]
            sys.argv += ["--mmproj"] if projector else []
            convert_hf_to_gguf.main()
            result[f"{'mmproj' if projector else 'model'}-{outtype}.gguf"] = describe(path)
            path.unlink()
    (output / f"{name}.json").write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")
