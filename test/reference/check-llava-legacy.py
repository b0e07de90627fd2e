"""Hold llava_converter.py against the scripts that llama.cpp has for LLaVA's vision encoders.

Usage: check-llava-legacy.py <llama.cpp> <directory of checkpoints> <name…>

They take a CLIP or SigLIP model in a folder of its own beside the projector's tensors, which is made here of a checkpoint
of LLaVA, and know f32 and f16. The tensors must be the same, bit by bit, but for what has changed since: they swap the
names of a layer's two feed-forward matrices (llama.cpp swaps them back), hold more tensors in half precision, keep
SigLIP's head, and call the newline of LLaVA-NeXT "model.image_newline", by which llama.cpp does not find it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

llama_cpp, checkpoints = map(Path, sys.argv[1:3])
sys.path[1:1] = [str(llama_cpp), str(llama_cpp / "gguf-py")]

import convert_hf_to_gguf  # noqa: E402
import llava_converter  # noqa: E402, F401
import torch  # noqa: E402
from gguf import GGUFReader  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

LEGACY = llama_cpp / "tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py"
KEYS = ("projector_type", "use_gelu", "vision.feature_layer", "vision.block_count", "vision.image_size", "vision.patch_size")
KEYS += ("vision.embedding_length", "vision.feed_forward_length", "vision.attention.head_count", "vision.image_mean")
KEYS += ("vision.image_std", "vision.attention.layer_norm_epsilon")


def contents(path):
    reader = GGUFReader(path)
    values = {key: reader.fields[f"clip.{key}"].contents() for key in KEYS}
    return values, {t.name: t.data for t in reader.tensors}


def legacy(folder, outtype, work):
    config = json.loads((folder / "config.json").read_text())
    weights = {k: v for path in folder.glob("*.safetensors") for k, v in load_file(path).items()}
    tower = {k[k.index("vision_model.") :]: v for k, v in weights.items() if "vision_model." in k}
    projector = {k: v.float() for k, v in weights.items() if k.startswith("multi_modal_projector") or k == "image_newline"}
    torch.save(tower, work / "pytorch_model.bin")
    torch.save(projector, work / "llava.projector")
    vision = config["vision_config"]
    is_clip = vision["model_type"] == "clip_vision_model"
    vision = {"layer_norm_eps": 1e-5 if is_clip else 1e-6, "projection_dim": 0} | vision
    # It takes "gelu" for what is no quick_gelu.
    vision |= {"hidden_act": "quick_gelu" if is_clip else "gelu", "vision_feature_layer": config["vision_feature_layer"]}
    (work / "config.json").write_text(json.dumps(vision))
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    options = ["-m", str(work), "--llava-projector", str(work / "llava.projector"), "--clip-model-is-vision"]
    options += [] if is_clip else ["--clip-model-is-siglip"]
    options += ["--use-f32"] if outtype == "f32" else []
    for key in ("image_mean", "image_std"):
        options += [f"--{key.replace('_', '-')}", *map(str, settings[key])]
    subprocess.run([sys.executable, str(LEGACY), *options], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return contents(work / f"mmproj-model-{outtype}.gguf")


def ours(folder, outtype, work):
    path = work / "ours.gguf"
    sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(path), "--outtype", outtype, "--mmproj"]
    convert_hf_to_gguf.main()
    return contents(path)


def todays_name(name):
    swapped = {"ffn_down": "ffn_up", "ffn_up": "ffn_down"}
    return ".".join(swapped.get(part, part) for part in name.removeprefix("model.").split(".")).replace(
        "image_newline", "v.image_newline"
    )


ENVIRONMENT = {"PYTHONPATH": str(llama_cpp / "gguf-py")}
for name in sys.argv[3:]:
    folder = checkpoints / name
    for outtype in ("f32", "f16"):
        with tempfile.TemporaryDirectory() as work:
            values, tensors = ours(folder, outtype, Path(work))
            old_values, old_tensors = legacy(folder, outtype, Path(work))
            assert values == old_values, (values, old_values)
            renamed = {todays_name(key): data for key, data in old_tensors.items() if not key.startswith("v.head.")}
            assert renamed.keys() == tensors.keys(), renamed.keys() ^ tensors.keys()
            for key, data in tensors.items():
                narrow = np.float16 if np.float16 in (data.dtype, renamed[key].dtype) else np.float32
                assert np.array_equal(data.astype(narrow).squeeze(), renamed[key].astype(narrow), equal_nan=True), key
            print(name, outtype, len(tensors), "tensors the same")
