"""Write down what Gemma 3's processor makes of conversations when it crops oblong images (pan and scan).

Usage: cropped-prompts.py <test/models/shapes-vlm> <test/fixtures/cropped-prompts.json>

For each conversation, its parts (texts, and the sizes of images) and the token ids, with the number of those in place of an
image in brackets.
"""

import json
import sys
from pathlib import Path

from PIL import Image
from transformers import Gemma3ImageProcessorPil, Gemma3Processor, PreTrainedTokenizerFast

folder = Path(sys.argv[1])
SETTINGS = {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 40}
CONVERSATIONS = [
    [[300, 100], "Which shape is it?"],
    ["Look:", [100, 100], "and", [90, 400], " What is there?\n\n"],
    [[200, 90], [90, 200], "Compare."],
]


def settings(name):
    return json.loads((folder / name).read_text())


tokenizer = PreTrainedTokenizerFast(
    tokenizer_file=str(folder / "tokenizer.json"), chat_template=(folder / "chat_template.jinja").read_text()
)
for part, token in (("boi", "<start_of_image>"), ("eoi", "<end_of_image>"), ("image", "<image_soft_token>")):
    setattr(tokenizer, f"{part}_token", token)
    setattr(tokenizer, f"{part}_token_id", tokenizer.convert_tokens_to_ids(token))
preprocessor = settings("preprocessor_config.json")
images = Gemma3ImageProcessorPil(**{k: v for k, v in preprocessor.items() if not k.endswith(("_type", "_class"))})
processor = Gemma3Processor(images, tokenizer, tokenizer.chat_template, image_seq_length=preprocessor["image_seq_length"])


def tokens(parts):
    content = [{"type": "text", "text": part} if isinstance(part, str) else {"type": "image"} for part in parts]
    text = tokenizer.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    shown = [Image.new("RGB", tuple(part)) for part in parts if not isinstance(part, str)]
    ids = processor(text=text, images=shown, images_kwargs={**SETTINGS})["input_ids"][0]
    runs = []
    for token in ids:
        if token != tokenizer.image_token_id:
            runs.append(token)
        elif runs and isinstance(runs[-1], list):
            runs[-1][0] += 1
        else:
            runs.append([1])
    return runs


rows = [json.dumps({"parts": parts, "tokens": tokens(parts)}) for parts in CONVERSATIONS]
Path(sys.argv[2]).write_text(f'{{"settings": {json.dumps(SETTINGS)}, "conversations": [\n' + ",\n".join(rows) + "\n]}\n")
