"""Writes down the log probabilities that transformers gives the tokens of its own answers about pictures, and the five
likeliest ones in the place of each:

    python test/reference/log-probs.py test/models/shapes-vlm test/fixtures/shapes-vlm-reference

It reads the folder's cases.json and writes its log-probs.json.
"""

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

CASES = 20
LIKELIEST = 5


def has_picture(case):
    names = [part["image"] for message in case["messages"] for part in message["content"] if part["type"] == "image"]
    # What vserve's tests decode without help.
    return names and not any(name.endswith(".bmp") for name in names)


def with_pictures(messages, folder):
    def opened(part):
        return {"type": "image", "image": Image.open(folder / part["image"]).convert("RGB")} if part["type"] == "image" else part

    return [{**message, "content": [opened(part) for part in message["content"]]} for message in messages]


def log_probs(model, processor, case, folder):
    inputs = processor.apply_chat_template(
        with_pictures(case["messages"], folder),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        answer = model.generate(
            **inputs, max_new_tokens=300, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
    tokens = answer.sequences[0, inputs["input_ids"].shape[1] :].tolist()
    rows = [torch.log_softmax(row[0].double(), -1) for row in answer.logits]
    likeliest = [row.topk(LIKELIEST) for row in rows]
    return {
        "id": case["id"],
        "tokens": [[token, round(float(row[token]), 4)] for token, row in zip(tokens, rows)],
        "likeliest": [
            [[token, round(value, 4)] for token, value in zip(top.indices.tolist(), top.values.tolist())]
            for top in likeliest
        ],
    }


def main(checkpoint, folder):
    folder = Path(folder)
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).eval()
    cases = [case for case in json.loads((folder / "cases.json").read_text()) if has_picture(case)][:CASES]
    result = [log_probs(model, processor, case, folder) for case in cases]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in result)
    (folder / "log-probs.json").write_text(f"[\n{lines}\n]\n")


main(*sys.argv[1:])
