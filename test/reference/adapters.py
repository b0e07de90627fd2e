"""Describe what llama.cpp's convert_lora_to_gguf.py makes of the reference adapters, and ask transformers with PEFT what
shapes-vlm answers with them.

Usage: adapters.py <llama.cpp> <adapters> <checkpoints> <shapes-vlm> <output file>
"""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

llama_cpp, adapters, checkpoints, shapes, output = map(Path, sys.argv[1:6])
sys.path[1:1] = [str(llama_cpp), str(llama_cpp / "gguf-py")]

from gguf import GGUFReader  # noqa: E402

PICTURE = "000-0.png"
QUESTIONS = ["What is in the picture?", "Tell me a story."]
NEW_TOKENS = 24
LIKELIEST = 8


def describe(path: Path) -> dict:
    reader = GGUFReader(path)
    kv = {
        key: [[t.name for t in field.types], field.contents()]
        for key, field in reader.fields.items()
        if not key.startswith("GGUF.")
    }
    tensors = [
        [t.name, [int(n) for n in t.shape], t.tensor_type.name, hashlib.sha256(t.data.tobytes()).hexdigest()]
        for t in reader.tensors
    ]
    return {"kv": kv, "tensors": tensors, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def converted(folder: Path, base: Path) -> dict:
    path = folder.parent / f"{folder.name}.gguf"
    script = str(llama_cpp / "convert_lora_to_gguf.py")
    sys.argv = [script, str(folder), "--base", str(base), "--outfile", str(path)]
    runpy.run_path(script, run_name="__main__")
    try:
        return describe(path)
    finally:
        path.unlink()


processor = AutoProcessor.from_pretrained(shapes)


def answers(adapter: Path | None) -> list:
    model = AutoModelForImageTextToText.from_pretrained(shapes, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
        missing = [name for name, _ in model.named_parameters() if "lora_" in name]
        assert missing, "the adapter changes nothing"
    model.eval()
    result = []
    for has_picture in (True, False):
        for question in QUESTIONS:
            content = [{"type": "image"}] if has_picture else []
            messages = [{"role": "user", "content": [*content, {"type": "text", "text": question}]}]
            text = processor.apply_chat_template(messages, add_generation_prompt=True)
            picture = Image.open(Path(__file__).parents[1] / "fixtures/shapes-vlm-reference" / PICTURE).convert("RGB")
            inputs = processor(text=text, images=[picture] if has_picture else None, return_tensors="pt",
                               add_special_tokens=False)
            with torch.no_grad():
                generated = model.generate(**inputs, do_sample=False, max_new_tokens=NEW_TOKENS,
                                           return_dict_in_generate=True, output_logits=True)
            tokens = generated.sequences[0, inputs["input_ids"].shape[1]:]
            top = generated.logits[0][0].topk(LIKELIEST)
            # How sure it was of its least certain token.
            margins = [float(step[0].topk(2).values.diff().abs()[0]) for step in generated.logits]
            result.append({
                "hasPicture": has_picture,
                "question": question,
                "answer": processor.decode(tokens, skip_special_tokens=True),
                "margin": round(min(margins), 3),
                "logits": [[int(token), round(float(logit), 4)] for logit, token in zip(top.values, top.indices)],
            })
    return result


told = json.loads(output.read_text()) if output.exists() else {}
told = {"picture": PICTURE, "newTokens": NEW_TOKENS, "gguf": {}, **told}
told["answers"] = told.get("answers") or {"": answers(None)}
for line in sys.stdin:
    name, base = line.split()
    folder = adapters / name
    is_shapes = base == "shapes-vlm"
    if is_shapes:
        told["answers"][name] = answers(folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    # The reference knows one scale for all, and no whole weights.
    is_plain = not config.get("use_rslora") and not config.get("alpha_pattern") and not config.get("modules_to_save")
    if is_plain:
        told["gguf"][name] = converted(folder, shapes if is_shapes else checkpoints / base)
    output.write_text(json.dumps(told, indent=None, separators=(",", ":")) + "\n")
