"""Write down how the releases of transformers write the configurations of the reference checkpoints.

Usage: config-generations.py <checkpoints> <output directory>

`checkpoints` holds what `write-checkpoints.js` writes. With transformers 4 it makes `transformers-4.json`, with
transformers 5 `transformers-5.json` and `older-names.json`. Each has a merge patch (RFC 7396) for every checkpoint, which
makes of its config.json what the release's own class reads it as and saves. `older-names` are those that transformers had
before its late releases of 4; it is transformers 5 that says whether they mean the same.
"""

import json
import sys
import tempfile
from pathlib import Path

import transformers
from transformers import CONFIG_MAPPING, AutoConfig

checkpoints, output = Path(sys.argv[1]), Path(sys.argv[2])
release = transformers.__version__.split(".")[0]

# What the classes fill in or work out, and what says nothing of the model: no names of fields.
FILLED_IN = {
    "_name_or_path",
    "_pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "head_dim",
    "initializer_range",
    "pad_token_id",
    "sliding_window",
    "transformers_version",
}
TEXT_KEYS = ("text_config", "llm_config", "language_config")
# Their text settings stood at the top level at first.
ONCE_FLAT = {"paddleocr_vl", "qwen2_vl", "qwen2_5_vl"}
# JSON does not tell 1.0 from 1, which transformers 5 does.
FRACTIONS = {"routed_scaling_factor"}


def read_config(path: Path) -> dict:
    def with_fractions(config: dict) -> dict:
        return {key: float(it) if key in FRACTIONS else it for key, it in config.items()}

    return json.loads(path.read_text(), object_hook=with_fractions)


def saved(config: dict) -> dict | None:
    """What the release's class makes of it; of a model whose class comes with its checkpoints, of its text model."""
    if config["model_type"] in CONFIG_MAPPING:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config))
            AutoConfig.from_pretrained(folder).save_pretrained(f"{folder}/saved")
            return json.loads((Path(folder) / "saved/config.json").read_text())
    key = next((it for it in TEXT_KEYS if it in config), None)
    if key is None:
        return None
    # Such classes keep the other settings as they are, but for the name of the type.
    by_class = config[key].get("model_type") in CONFIG_MAPPING
    return {**with_dtype(config), key: saved(config[key]) if by_class else with_dtype(config[key])}


def with_dtype(config: dict) -> dict:
    return {"dtype" if key == "torch_dtype" else key: it for key, it in config.items()}


def merge_patch(old, new):
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    removed = {key: None for key in old if key not in new}
    return {**removed, **{key: merge_patch(old.get(key), it) for key, it in new.items() if old.get(key) != it}}


def with_own_values(config: dict, by_class: dict) -> dict:
    """What the class saves, but for what it fills in, which stays as it is in the checkpoint's configuration."""
    own = {key: it for key, it in config.items() if key in FILLED_IN}
    parts = {
        key: with_own_values(config[key], it) if isinstance(it, dict) and isinstance(config.get(key), dict) else it
        for key, it in by_class.items()
        if key not in FILLED_IN
    }
    return {**own, **parts}


def with_older_names(config: dict) -> dict:
    text_key = next((key for key in TEXT_KEYS if key in config), None)
    older = {key: older_part(it) if isinstance(it, dict) else it for key, it in config.items()}
    if text_key is None:
        older = older_part(older)
    elif config["model_type"] in ONCE_FLAT:
        older = {**older.pop(text_key), **older}
    if "dtype" in older:
        older["torch_dtype"] = older.pop("dtype")
    return older


def older_part(config: dict) -> dict:
    """The settings of a model with the names that its rotary embedding and its type had."""
    part = dict(config)
    if "dtype" in part:
        part["torch_dtype"] = part.pop("dtype")
    rope = part.get("rope_parameters")
    if rope is None:
        if part.get("rope_scaling"):
            part["rope_scaling"] = older_scaling(part["model_type"], part["rope_scaling"])
    elif "full_attention" not in rope:
        del part["rope_parameters"]
        flat = dict(rope)
        part |= {key: flat.pop(key) for key in ("rope_theta", "partial_rotary_factor") if key in flat}
        part["rope_scaling"] = older_scaling(part["model_type"], flat)
    elif part["model_type"] == "gemma3_text":
        del part["rope_parameters"]
        flat = dict(rope["full_attention"])
        part["rope_theta"] = flat.pop("rope_theta")
        part["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        part["rope_scaling"] = older_scaling(part["model_type"], flat)
    # Gemma 4 came with transformers 5: the rotary embeddings of its kinds of layers have no older names.
    return part


def older_scaling(model_type: str, scaling: dict) -> dict | None:
    kind = scaling.get("rope_type", scaling.get("type"))
    rest = {key: it for key, it in scaling.items() if key not in ("rope_type", "type")}
    if kind == "axial" or (kind == "default" and not rest):
        return None
    if kind in ("default", "mrope") and model_type.startswith(("qwen2_vl", "qwen2_5_vl")):
        return {"type": "mrope", **rest}
    # Other models and kinds came when `type` had become `rope_type`.
    is_old = kind in ("dynamic", "linear", "yarn") and model_type != "gemma3_text"
    return {"type" if is_old else "rope_type": kind, **rest}


def meaning(config: dict) -> dict:
    """What a saved configuration tells, without the older name of `rope_type` that is saved along."""
    plain = {key: meaning(it) if isinstance(it, dict) else it for key, it in config.items() if key != "type"}
    return {key: it for key, it in plain.items() if key not in FILLED_IN}


patches, older_patches = {}, {}
for path in sorted(checkpoints.iterdir()):
    config = read_config(path / "config.json")
    by_class = saved(config)
    if by_class is not None:
        patches[path.name] = merge_patch(config, with_own_values(config, by_class))
    if release == "5":
        older = with_older_names(config)
        older_patches[path.name] = merge_patch(config, older)
        if by_class is not None and meaning(saved(older)) != meaning(by_class):
            raise SystemExit(f"{path.name}: transformers 5 reads the older names as something else")


def write(name: str, by_checkpoint: dict) -> None:
    lines = [f"  {json.dumps(key)}: {json.dumps(patch)}" for key, patch in by_checkpoint.items()]
    (output / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


write(f"transformers-{release}", patches)
if release == "5":
    write("older-names", older_patches)
