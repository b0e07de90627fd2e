"""The frames of videos that models are asked about: see compare-transformers.py."""

import numpy as np

# The sides are multiples of what a token sees, so that no processor resizes them. How a model is told the times: in words
# before each pair, in whole seconds behind each, or by positions.
QWEN2 = {"width": 168, "height": 140, "frames": 5}
QWEN3 = {"width": 288, "height": 256, "frames": 5}
GLM4 = {"width": 168, "height": 140, "frames": 7}
VIDEOS = {
    "glm4v-tiny": {**GLM4, "times": "seconds"},
    "qwen2-vl-tiny": {**QWEN2, "times": "positions"},
    "qwen2.5-vl-nested-tiny": {**QWEN2, "times": "positions of seconds"},
    "qwen3-vl-tiny": {**QWEN3, "times": "words"},
    "qwen3.5-tiny": {**QWEN3, "times": "words"},
}


def frames_of(video):
    """Stripes that move: frames × height × width × 3."""
    frame, y, x, channel = np.ogrid[: video["frames"], : video["height"], : video["width"], :3]
    return ((5 * x + 3 * y + 80 * channel + 45 * frame) % 256).astype(np.uint8)


def frame_text(video, token, groups, tokens):
    """What stands in a prompt for the frames, of which there are two a second, in groups of two."""
    if video["times"] == "seconds":
        image = f"<|begin_of_image|>{token * tokens}<|end_of_image|>"
        # A pair begins every second.
        return "<|begin_of_video|>" + "".join(f"{image}{second}" for second in range(groups)) + "<|end_of_video|>"
    if video["times"] != "words":
        return f"<|vision_start|>{token * tokens * groups}<|vision_end|>"
    times = [index / 2 for index in range(video["frames"])]
    times += times[-1:] * (-len(times) % 2)
    middles = [(first + last) / 2 for first, last in zip(times[::2], times[1::2])]
    return "".join(f"<{middle:.1f} seconds><|vision_start|>{token * tokens}<|vision_end|>" for middle in middles)
