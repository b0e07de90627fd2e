"""What requests ask of image processors in place of their own settings, by checkpoint: see compare-transformers.py."""

BUDGETS = {
    "gemma4-31b-tiny": [{"max_soft_tokens": tokens} for tokens in (70, 560, 1120)],
    "glm4v-tiny": [
        {"size": {"shortest_edge": least, "longest_edge": most}}
        for least, most in ((12544, 100352), (200704, 802816), (12544, 3211264))
    ],
    "internvl3-tiny": [{"max_patches": 2}, {"max_patches": 6}, {"min_patches": 4, "max_patches": 8}],
    "lfm2-vl-tiny": [
        {"do_image_splitting": False},
        {"max_tiles": 4},
        {"min_image_tokens": 16, "max_image_tokens": 64, "do_image_splitting": False},
    ],
    "llama4-scout-tiny": [{"max_patches": 2}, {"max_patches": 9}, {"resize_to_max_canvas": True}],
    "pixtral-tiny": [{"size": {"longest_edge": edge}} for edge in (128, 320, 768)],
    "qwen2-vl-tiny": [
        {"min_pixels": least, "max_pixels": most} for least, most in ((3136, 50176), (200704, 401408), (3136, 1605632))
    ],
    "qwen3-vl-tiny": [
        {"size": {"shortest_edge": least, "longest_edge": most}}
        for least, most in ((4096, 65536), (262144, 524288), (4096, 1310720))
    ],
    "smolvlm-tiny": [{"do_image_splitting": False}, {"size": {"longest_edge": 128}}, {"size": {"longest_edge": 192}}],
}
# Wide, tall, large, tiny and square.
PICTURES = [(1060, 520), (97, 1203), (1330, 1001), (17, 23), (500, 500)]
