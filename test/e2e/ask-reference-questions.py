"""Asks a server the reference questions through OpenAI's Python SDK, and prints the answers as a JSON list.

    python ask-reference-questions.py http://127.0.0.1:8000/v1 shapes-vlm
"""

import base64
import json
import pathlib
import sys

from openai import OpenAI

base_url, model = sys.argv[1:]
folder = pathlib.Path(__file__).parent.parent / "fixtures" / "shapes-vlm-reference"
client = OpenAI(base_url=base_url, api_key="EMPTY", max_retries=0)


def to_openai(part):
    if part["type"] == "text":
        return part
    path = folder / part["image"]
    kind = {".jpg": "jpeg"}.get(path.suffix, path.suffix[1:])
    data = base64.b64encode(path.read_bytes()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def answer(case):
    messages = [{"role": m["role"], "content": [to_openai(p) for p in m["content"]]} for m in case["messages"]]
    completion = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=300)
    return completion.choices[0].message.content


cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
print(json.dumps([answer(case) for case in cases]))
