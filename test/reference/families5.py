"""The checkpoints of families whose classes only transformers 5 has, or whose configurations are written by it."""

import re

GEMMA4_LAYERS = ["sliding_attention", "sliding_attention", "full_attention"] * 2
GEMMA4_TEXT = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "attention_k_eq_v": False,
    "bos_token_id": 2,
    "dtype": "bfloat16",
    "enable_moe_block": False,
    "eos_token_id": 1,
    "final_logit_softcapping": 30.0,
    "global_head_dim": 64,
    "head_dim": 32,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 64,
    "hidden_size_per_layer_input": 32,
    "initializer_range": 0.02,
    "intermediate_size": 104,
    "layer_types": GEMMA4_LAYERS,
    "max_position_embeddings": 131072,
    "model_type": "gemma4_text",
    "moe_intermediate_size": None,
    "num_attention_heads": 4,
    "num_experts": None,
    "num_global_key_value_heads": None,
    "num_hidden_layers": 6,
    "num_key_value_heads": 1,
    "num_kv_shared_layers": 3,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {
        "full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0, "rope_type": "proportional"},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    "sliding_window": 512,
    "tie_word_embeddings": True,
    "top_k_experts": None,
    "use_bidirectional_attention": None,
    "use_cache": True,
    "use_double_wide_mlp": True,
    "vocab_size": 744,
    "vocab_size_per_layer_input": 744,
}
# The larger models: no embeddings of layers, no shared layers, global keys that serve as values too.
GEMMA4_LARGE_TEXT = {
    **GEMMA4_TEXT,
    "attention_k_eq_v": True,
    "hidden_size_per_layer_input": 0,
    "max_position_embeddings": 262144,
    "num_global_key_value_heads": 1,
    "num_key_value_heads": 2,
    "num_kv_shared_layers": 0,
    "use_bidirectional_attention": "vision",
    "use_double_wide_mlp": False,
}
# The smallest ones. llama.cpp knows them by their width: pictures do not look ahead in them.
GEMMA4_SMALL_TEXT = {
    **GEMMA4_TEXT,
    "global_head_dim": 32,
    "head_dim": 16,
    "hidden_size": 1536,
    "hidden_size_per_layer_input": 16,
    "intermediate_size": 40,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "num_attention_heads": 2,
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
}
GEMMA4_MOE_TEXT = {
    **GEMMA4_LARGE_TEXT,
    "enable_moe_block": True,
    "moe_intermediate_size": 32,
    "num_experts": 6,
    "top_k_experts": 2,
}
GEMMA4_VISION = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "default_output_length": 280,
    "dtype": "bfloat16",
    "global_head_dim": 16,
    "head_dim": 16,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 48,
    "intermediate_size": 76,
    "max_position_embeddings": 131072,
    "model_type": "gemma4_vision",
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "num_key_value_heads": 3,
    "patch_size": 16,
    "pooling_kernel_size": 3,
    "position_embedding_size": 400,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {"rope_theta": 100.0, "rope_type": "default"},
    "standardize": False,
    "use_clipped_linears": True,
}
# That of the larger models: heads of a size that is no power of two.
GEMMA4_LARGE_VISION = {
    **GEMMA4_VISION,
    "global_head_dim": 24,
    "head_dim": 24,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "standardize": True,
    "use_clipped_linears": False,
}
GEMMA4_AUDIO = {
    "attention_chunk_size": 12,
    "attention_context_left": 13,
    "attention_context_right": 0,
    "attention_invalid_logits_value": -1000000000.0,
    "attention_logit_cap": 50.0,
    "conv_kernel_size": 5,
    "dtype": "bfloat16",
    "gradient_clipping": 10000000000.0,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "model_type": "gemma4_audio",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "output_proj_dims": 40,
    "residual_weight": 0.5,
    "rms_norm_eps": 1e-06,
    "subsampling_conv_channels": [128, 8],
    "use_clipped_linears": True,
}
GEMMA4_CONFIG = {
    "architectures": ["Gemma4ForConditionalGeneration"],
    "audio_config": GEMMA4_AUDIO,
    "audio_token_id": 9,
    "boa_token_id": 10,
    "boi_token_id": 11,
    "dtype": "bfloat16",
    "eoa_token_id": 12,
    "eoa_token_index": 12,
    "eoi_token_id": 14,
    "eos_token_id": [1, 15],
    "image_token_id": 20,
    "initializer_range": 0.02,
    "model_type": "gemma4",
    "text_config": GEMMA4_TEXT,
    "tie_word_embeddings": True,
    "transformers_version": "5.5.0.dev0",
    "video_token_id": 8,
    "vision_config": GEMMA4_VISION,
    "vision_soft_tokens_per_image": 280,
}
GEMMA4_PROCESSOR = {
    "audio_seq_length": 750,
    "image_processor": {
        "do_convert_rgb": True,
        "do_normalize": False,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.0, 0.0, 0.0],
        "image_processor_type": "Gemma4ImageProcessor",
        "image_seq_length": 280,
        "image_std": [1.0, 1.0, 1.0],
        "max_soft_tokens": 280,
        "patch_size": 16,
        "pooling_kernel_size": 3,
        "resample": 3,
    },
    "image_seq_length": 280,
    "processor_class": "Gemma4Processor",
}
GEMMA4_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|turn>' + message['role'] + '\\n' + message['content'] }}"
    "{{ '<turn|>\\n' }}{% endfor %}"
)
GEMMA4_GENERATION = {
    "bos_token_id": 2,
    "do_sample": True,
    "eos_token_id": [1, 15, 25],
    "pad_token_id": 0,
    "temperature": 1.0,
    "top_k": 64,
    "top_p": 0.95,
}


def shared_layers(shapes, text=GEMMA4_SMALL_TEXT):
    """The checkpoints on the Hub have keys and values also for layers that take them from others."""
    first = text["num_hidden_layers"] - text["num_kv_shared_layers"]
    for layer in range(first, text["num_hidden_layers"]):
        head = text["global_head_dim" if text["layer_types"][layer] == "full_attention" else "head_dim"]
        rows = text["num_key_value_heads"] * head
        prefix = f"model.language_model.layers.{layer}.self_attn"
        shapes |= {f"{prefix}.{name}_proj.weight": [rows, text["hidden_size"]] for name in "kv"}
        shapes[f"{prefix}.k_norm.weight"] = [head]
    return shapes


INTERNVL_HF = {
    "architectures": ["InternVLForConditionalGeneration"],
    "downsample_ratio": 0.5,
    "dtype": "bfloat16",
    "image_seq_length": 256,
    "image_token_id": 50257,
    "model_type": "internvl",
    "projector_hidden_act": "gelu",
    "text_config": {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 50256,
        "eos_token_id": 50256,
        "hidden_act": "silu",
        "hidden_size": 64,
        "intermediate_size": 104,
        "layer_types": ["full_attention", "full_attention"],
        "max_position_embeddings": 32768,
        "max_window_layers": 2,
        "model_type": "qwen2",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_parameters": {"factor": 2.0, "rope_theta": 1000000.0, "rope_type": "dynamic"},
        "sliding_window": None,
        "tie_word_embeddings": False,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 50304,
    },
    "tie_word_embeddings": False,
    "vision_config": {
        "architectures": ["InternVisionModel"],
        "attention_bias": True,
        "attention_dropout": 0.0,
        "dropout": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": 40,
        "image_size": [56, 56],
        "intermediate_size": 76,
        "layer_norm_eps": 1e-06,
        "layer_scale_init_value": 0.1,
        "model_type": "internvl_vision",
        "norm_type": "layer_norm",
        "num_attention_heads": 2,
        "num_channels": 3,
        "num_hidden_layers": 4,
        "patch_size": [14, 14],
        "projection_dropout": 0.0,
        "use_absolute_position_embeddings": True,
        "use_mask_token": False,
        "use_mean_pooling": True,
        "use_qk_norm": False,
    },
    "vision_feature_layer": -1,
    "vision_feature_select_strategy": "default",
}
INTERNVL_HF_PREPROCESSOR = {
    "crop_to_patches": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "GotOcr2ImageProcessorFast",
    "image_std": [0.229, 0.224, 0.225],
    "max_patches": 12,
    "min_patches": 1,
    "processor_class": "InternVLProcessor",
    "size": {"height": 56, "width": 56},
}


FAMILIES5 = {
    "internvl3-hf-tiny": {
        "seed": 48,
        "shards": 2,
        "tokenizer": "gpt2-images",
        # llama.cpp's converter knows the classes' own names only, not those that are saved for the sake of older releases.
        "rename": lambda name: re.sub("^(?=vision_tower|multi_modal)", "model.", name)
        .replace("language_model.model.", "model.language_model.")
        .replace("language_model.lm_head", "lm_head"),
        "files": {"config.json": INTERNVL_HF, "preprocessor_config.json": INTERNVL_HF_PREPROCESSOR},
    },
    "gemma4-e2b-tiny": {
        # With some others, a number or two of PyTorch's softplus are off in the last place (src/convert/quantize/decode.ts).
        "seed": 47,
        "tokenizer": "gemma4",
        "further": shared_layers,
        "files": {
            "config.json": {**GEMMA4_CONFIG, "text_config": GEMMA4_SMALL_TEXT},
            "generation_config.json": GEMMA4_GENERATION,
            "processor_config.json": GEMMA4_PROCESSOR,
            "chat_template.jinja": GEMMA4_TEMPLATE,
        },
    },
    "gemma4-moe-tiny": {
        "seed": 43,
        "shards": 2,
        "tokenizer": "gemma4",
        "files": {
            "config.json": {
                **GEMMA4_CONFIG,
                "audio_config": None,
                "text_config": GEMMA4_MOE_TEXT,
                "vision_config": GEMMA4_LARGE_VISION,
            },
            "generation_config.json": GEMMA4_GENERATION,
            "processor_config.json": GEMMA4_PROCESSOR,
            "chat_template.jinja": GEMMA4_TEMPLATE,
        },
    },
    "gemma4-31b-tiny": {
        "seed": 50,
        "tokenizer": "gemma4",
        "files": {
            "config.json": {
                **GEMMA4_CONFIG,
                "audio_config": None,
                "text_config": GEMMA4_LARGE_TEXT,
                "vision_config": GEMMA4_LARGE_VISION,
            },
            "processor_config.json": GEMMA4_PROCESSOR,
            "chat_template.jinja": GEMMA4_TEMPLATE,
        },
    },
    "gemma4-unified-tiny": {
        "seed": 51,
        "tokenizer": "gemma4",
        "files": {
            "config.json": {
                **GEMMA4_CONFIG,
                "architectures": ["Gemma4UnifiedForConditionalGeneration"],
                "audio_config": {
                    "audio_embed_dim": 640,
                    "dtype": "bfloat16",
                    "model_type": "gemma4_unified_audio",
                    "rms_norm_eps": 1e-06,
                },
                "model_type": "gemma4_unified",
                "text_config": {
                    **GEMMA4_LARGE_TEXT,
                    "model_type": "gemma4_unified_text",
                    "sliding_window": 1024,
                },
                "vision_config": {
                    "dtype": "bfloat16",
                    "mm_embed_dim": 64,
                    "mm_posemb_size": 290,
                    "model_type": "gemma4_unified_vision",
                    "output_proj_dims": 64,
                    "patch_size": 16,
                    "pooling_kernel_size": 3,
                    "rms_norm_eps": 1e-06,
                },
            },
            "generation_config.json": {**GEMMA4_GENERATION, "suppress_tokens": [9, 20]},
            "processor_config.json": GEMMA4_PROCESSOR,
            "chat_template.jinja": GEMMA4_TEMPLATE,
        },
    },
    "gemma4-text-tiny": {
        "seed": 44,
        "dtype": "F32",
        "tokenizer": "gemma4",
        "files": {
            # As transformers writes it since what differs between layers stands in `per_layer_config`.
            "config.json": {
                "architectures": ["Gemma4ForCausalLM"],
                **{
                    key: value
                    for key, value in GEMMA4_LARGE_TEXT.items()
                    if key not in ("global_head_dim", "num_global_key_value_heads")
                },
                "final_logit_softcapping": None,
                "per_layer_config": {
                    "2": {"head_dim": 64, "num_key_value_heads": 1},
                    "5": {"head_dim": 64, "num_key_value_heads": 1},
                },
                "transformers_version": "5.24.0",
            },
        },
    },
}
