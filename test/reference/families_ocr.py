"""The checkpoints of families that read documents. transformers 5 has classes for them."""

import re

PADDLEOCR_TOKENS = {"image_token_id": 6, "video_token_id": 11, "vision_start_token_id": 9, "vision_end_token_id": 10}
# As the checkpoints on the Hub have it: the settings of the text model at the top level.
PADDLEOCR_CONFIG = {
    "architectures": ["PaddleOCRVLForConditionalGeneration"],
    "attention_probs_dropout_prob": 0.0,
    "compression_ratio": 1.0,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 72,
    "ignored_index": -100,
    "intermediate_size": 104,
    "max_position_embeddings": 131072,
    "max_sequence_length": None,
    "model_type": "paddleocr_vl",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-05,
    "rope_is_neox_style": True,
    "rope_scaling": {"mrope_section": [4, 6, 6], "rope_type": "default", "type": "default"},
    "rope_theta": 500000,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.55.0",
    "use_3d_rope": True,
    "use_bias": False,
    "use_cache": False,
    "use_flash_attention": False,
    "vision_config": {
        "architectures": ["PaddleOCRVisionModel"],
        "attention_dropout": 0.0,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 48,
        "image_size": 384,
        "intermediate_size": 76,
        "layer_norm_eps": 1e-06,
        "model_type": "paddleocr_vl",
        "num_attention_heads": 2,
        "num_channels": 3,
        "num_hidden_layers": 3,
        "pad_token_id": 0,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "torch_dtype": "bfloat16",
    },
    "vocab_size": 652,
    "weight_share_add_bias": True,
    **PADDLEOCR_TOKENS,
}
# As transformers 5 writes it. With a smaller table of positions, which llama.cpp alone reads otherwise where it shrinks.
PADDLEOCR_NESTED = {
    "architectures": ["PaddleOCRVLForConditionalGeneration"],
    "dtype": "bfloat16",
    "model_type": "paddleocr_vl",
    "text_config": {
        "bos_token_id": 1,
        "dtype": "bfloat16",
        "eos_token_id": 2,
        "head_dim": 24,
        "hidden_act": "silu",
        "hidden_size": 64,
        "intermediate_size": 104,
        "max_position_embeddings": 131072,
        "model_type": "paddleocr_vl_text",
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "pad_token_id": 0,
        "rms_norm_eps": 1e-05,
        "rope_parameters": {"mrope_section": [2, 5, 5], "rope_theta": 500000.0, "rope_type": "default"},
        "tie_word_embeddings": True,
        "use_bias": False,
        "use_cache": True,
        "vocab_size": 652,
    },
    "tie_word_embeddings": True,
    "transformers_version": "5.24.0",
    "vision_config": {
        "architectures": ["PaddleOCRVisionModel"],
        "attention_dropout": 0.0,
        "dtype": "bfloat16",
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 48,
        "image_size": 196,
        "intermediate_size": 76,
        "layer_norm_eps": 1e-06,
        "model_type": "paddleocr_vl_vision",
        "num_attention_heads": 2,
        "num_channels": 3,
        "num_hidden_layers": 3,
        "patch_size": 14,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "axial"},
        "spatial_merge_size": 2,
    },
    **PADDLEOCR_TOKENS,
}
PADDLEOCR_PREPROCESSOR = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "PaddleOCRVLImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "max_pixels": 2822400,
    "merge_size": 2,
    "min_pixels": 147384,
    "patch_size": 14,
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"max_pixels": 2822400, "min_pixels": 147384},
    "temporal_patch_size": 1,
}
PADDLEOCR_TEMPLATE = (
    "{{ '<|begin_of_sentence|>' }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}"
    "{% endfor %}"
)
ERNIE_TEXT = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": None,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 104,
    "max_position_embeddings": 131072,
    "model_type": "ernie4_5",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_bias": False,
    "use_cache": True,
    "vocab_size": 643,
}

# As the checkpoint on the Hub has it, which leaves out the kinds of the layers, the sections of M-RoPE and the dtype.
MINICPM_CONFIG = {
    "architectures": ["MiniCPMV4_6ForConditionalGeneration"],
    "drop_vision_last_layer": False,
    "image_size": 1120,
    "image_token_id": 50274,
    "insert_layer_id": 1,
    "model_type": "minicpmv4_6",
    "text_config": {
        "attention_bias": False,
        "full_attention_interval": 2,
        "head_dim": 32,
        "hidden_act": "silu",
        "hidden_size": 48,
        "intermediate_size": 104,
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_value_head_dim": 16,
        "max_position_embeddings": 262144,
        "model_type": "qwen3_5_text",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "partial_rotary_factor": 0.25,
        "rms_norm_eps": 1e-06,
        "rope_parameters": {"partial_rotary_factor": 0.25, "rope_theta": 10000000, "rope_type": "default"},
        "tie_word_embeddings": True,
        "vocab_size": 50304,
    },
    "tie_word_embeddings": True,
    "video_token_id": 50275,
    "vision_config": {
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 48,
        # llama.cpp knows this number of positions only.
        "image_size": 980,
        "intermediate_size": 76,
        "layer_norm_eps": 1e-06,
        "model_type": "minicpmv4_6_vision",
        "num_attention_heads": 2,
        "num_channels": 3,
        "num_hidden_layers": 3,
        "patch_size": 14,
    },
}
MINICPM_PREPROCESSOR = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "downsample_mode": "16x",
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "MiniCPMV4_6ImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "max_slice_nums": 9,
    "patch_size": 14,
    "processor_class": "MiniCPMV4_6Processor",
    "scale_resolution": 448,
    "slice_mode": True,
    "use_image_id": True,
}


def paddleocr_name(name: str) -> str:
    """The names on the Hub: those of the class that came with the checkpoints."""
    for new, old in (("model.language_model.", "model."), ("model.visual.", "visual."), ("model.projector.", "mlp_AR.")):
        if name.startswith(new):
            return old + name.removeprefix(new)
    return name


def paddleocr_further(shapes: dict) -> dict:
    """What the checkpoints on the Hub have beside: the output layer, and, unused, a head and positions of another kind."""
    width, inner = 48, 76
    head = "visual.vision_model.head"
    return shapes | {
        # transformers' class ties it, against the configuration.
        "lm_head.weight": [652, 72],
        "visual.vision_model.embeddings.packing_position_embedding.weight": [1000, width],
        f"{head}.probe": [1, 1, width],
        f"{head}.attention.in_proj_weight": [3 * width, width],
        f"{head}.attention.in_proj_bias": [3 * width],
        f"{head}.attention.out_proj.weight": [width, width],
        f"{head}.attention.out_proj.bias": [width],
        f"{head}.layernorm.weight": [width],
        f"{head}.layernorm.bias": [width],
        f"{head}.mlp.fc1.weight": [inner, width],
        f"{head}.mlp.fc1.bias": [inner],
        f"{head}.mlp.fc2.weight": [width, inner],
        f"{head}.mlp.fc2.bias": [width],
    }


def fused(shapes: dict, text: dict = ERNIE_TEXT) -> dict:
    """The layout of PaddlePaddle's checkpoints, which join matrices that read the same."""
    joined = {name: shape for name, shape in shapes.items() if not re.search(r"(?<!o|n)_proj\.weight$", name)}
    for layer in range(text["num_hidden_layers"]):
        prefix, width = f"model.layers.{layer}", text["hidden_size"]
        heads = text["num_attention_heads"] + 2 * text["num_key_value_heads"]
        joined[f"{prefix}.self_attn.qkv_proj.weight"] = [heads * width // text["num_attention_heads"], width]
        joined[f"{prefix}.mlp.up_gate_proj.weight"] = [2 * text["intermediate_size"], width]
    return joined


FAMILIES_OCR = {
    "paddleocr-vl-tiny": {
        "seed": 61,
        "tokenizer": "ernie",
        "rename": paddleocr_name,
        "further": paddleocr_further,
        "files": {
            "config.json": PADDLEOCR_CONFIG,
            "preprocessor_config.json": PADDLEOCR_PREPROCESSOR,
            "chat_template.jinja": PADDLEOCR_TEMPLATE,
        },
    },
    "paddleocr-vl-nested-tiny": {
        "seed": 63,
        "shards": 2,
        "tokenizer": "ernie",
        "rename": paddleocr_name,
        "files": {
            "config.json": PADDLEOCR_NESTED,
            "preprocessor_config.json": {**PADDLEOCR_PREPROCESSOR, "max_pixels": 401408, "min_pixels": 50176},
        },
    },
    "ernie4.5-tiny": {
        "seed": 62,
        "shards": 2,
        "tokenizer": "ernie",
        "files": {"config.json": {"architectures": ["Ernie4_5ForCausalLM"], **ERNIE_TEXT}},
    },
    "ernie4.5-fused-tiny": {
        "seed": 64,
        "tokenizer": "ernie",
        "rename": lambda name: re.sub("^model", "ernie", name),
        "further": fused,
        "files": {"config.json": {"architectures": ["Ernie4_5_ForCausalLM"], **ERNIE_TEXT}},
    },
    "minicpm-v-4.6-tiny": {
        # With many others, the logits are off by up to 0.1: transformers' own move as far when its pixels are rounded to
        # half precision, as ggml convolves them.
        "seed": 71,
        "shards": 2,
        "tokenizer": "gpt2-more",
        "files": {"config.json": MINICPM_CONFIG, "preprocessor_config.json": MINICPM_PREPROCESSOR},
    },
    # With four times as many tokens of an image, for which nothing is merged within the tower.
    "minicpm-v-4.6-4x-tiny": {
        "seed": 71,
        "tokenizer": "gpt2-more",
        "files": {
            "config.json": {**MINICPM_CONFIG, "downsample_mode": "4x"},
            "preprocessor_config.json": {**MINICPM_PREPROCESSOR, "downsample_mode": "4x"},
        },
    },
}
