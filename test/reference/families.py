"""The checkpoints that describe-checkpoints.py describes: configurations from the Hub with small, odd sizes."""

from families_llama4 import LLAMA4_FAMILIES

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]

QWEN2_TOKENS = {
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
}
QWEN2_TEXT = {
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 104,
    "max_position_embeddings": 32768,
    "max_window_layers": 2,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": True,
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
QWEN2_PREPROCESSOR = {
    "min_pixels": 3136,
    "max_pixels": 12845056,
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2VLProcessor",
}
GLM4V_PREPROCESSOR = {
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
    "image_processor_type": "Glm4vImageProcessor",
    "processor_class": "Qwen2VLProcessor",
    "size": {"shortest_edge": 12544, "longest_edge": 9633792},
}
QWEN25_VISION = {
    "depth": 4,
    "hidden_act": "silu",
    "hidden_size": 48,
    "intermediate_size": 52,
    "num_heads": 2,
    "in_chans": 3,
    "out_hidden_size": 64,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "spatial_patch_size": 14,
    "window_size": 112,
    "fullatt_block_indexes": [1, 3],
    "tokens_per_second": 2,
    "temporal_patch_size": 2,
}
QWEN3_TEXT = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "max_position_embeddings": 262144,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 5000000,
    "use_cache": True,
    "vocab_size": 151936,
}
QWEN3_VISION = {
    "deepstack_visual_indexes": [0, 2],
    "depth": 3,
    "hidden_act": "gelu_pytorch_tanh",
    "hidden_size": 40,
    "in_channels": 3,
    "initializer_range": 0.02,
    "intermediate_size": 76,
    "num_heads": 2,
    "num_position_embeddings": 64,
    "out_hidden_size": 64,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
QWEN3_PREPROCESSOR = {
    "size": {"longest_edge": 16777216, "shortest_edge": 65536},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor",
    "image_processor_type": "Qwen2VLImageProcessorFast",
}
QWEN3_MROPE = {"mrope_interleaved": True, "mrope_section": [6, 5, 5], "rope_type": "default"}
QWEN3_MOE = {
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "moe_intermediate_size": 32,
    "norm_topk_prob": True,
    "num_experts": 12,
    "num_experts_per_tok": 2,
}

# The smallest of the real tokenizers, for models whose vocabulary does not matter.
SMALL = {"vocab_size": 50304, "bos_token_id": None, "eos_token_id": 50256}

LLAMA_TEXT = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "use_cache": True,
    "vocab_size": 50304,
}
LLAMA3_ROPE = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
PIXTRAL_VISION = {
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 48,
    "image_size": 1024,
    "intermediate_size": 72,
    "model_type": "pixtral",
    "num_attention_heads": 3,
    "num_channels": 3,
    "num_hidden_layers": 3,
    "patch_size": 16,
    "rope_theta": 10000.0,
}
PIXTRAL_PREPROCESSOR = {
    "do_convert_rgb": True,
    "image_mean": CLIP_MEAN,
    "image_processor_type": "PixtralImageProcessor",
    "image_std": CLIP_STD,
    "patch_size": {"height": 16, "width": 16},
    "processor_class": "PixtralProcessor",
    "size": {"longest_edge": 1024},
}
MISTRAL3_PREPROCESSOR = {
    **PIXTRAL_PREPROCESSOR,
    "patch_size": {"height": 14, "width": 14},
    "size": {"longest_edge": 1540},
}
MISTRAL_TEXT = {**{k: v for k, v in LLAMA_TEXT.items() if k not in ("attention_bias", "mlp_bias")}, "model_type": "mistral"}


def decoder_shapes(prefix, text, qkv_bias=False, norms=False):
    """The tensors of a Qwen decoder under the names of a checkpoint whose class transformers does not have."""
    width, inner, heads = text["hidden_size"], text["intermediate_size"], text["num_attention_heads"]
    head = text.get("head_dim") or width // heads
    keys = text["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": [text["vocab_size"], width], "model.norm.weight": [width]}
    if not text.get("tie_word_embeddings"):
        shapes["lm_head.weight"] = [text["vocab_size"], width]
    for layer in range(text["num_hidden_layers"]):
        rows = {"q": heads * head, "k": keys, "v": keys}
        of_layer = {
            "input_layernorm.weight": [width],
            "post_attention_layernorm.weight": [width],
            **{f"self_attn.{name}_proj.weight": [count, width] for name, count in rows.items()},
            **({f"self_attn.{name}_proj.bias": [count] for name, count in rows.items()} if qkv_bias else {}),
            **({f"self_attn.{name}_norm.weight": [head] for name in "qk"} if norms else {}),
            "self_attn.o_proj.weight": [width, heads * head],
            "mlp.gate_proj.weight": [inner, width],
            "mlp.up_proj.weight": [inner, width],
            "mlp.down_proj.weight": [width, inner],
        }
        shapes.update({f"model.layers.{layer}.{name}": shape for name, shape in of_layer.items()})
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


def with_bias(name, rows, *rest):
    return {f"{name}.weight": [rows, *rest], f"{name}.bias": [rows]}


def internvl_shapes(config):
    """modeling_intern_vit.py and modeling_internvl_chat.py, which come with the checkpoints."""
    vision, text = config["vision_config"], config["llm_config"]
    width, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    shapes = {
        "vision_model.embeddings.class_embedding": [1, 1, width],
        "vision_model.embeddings.position_embedding": [1, (vision["image_size"] // patch) ** 2 + 1, width],
        **with_bias("vision_model.embeddings.patch_embedding", width, 3, patch, patch),
    }
    for layer in range(vision["num_hidden_layers"]):
        prefix = f"vision_model.encoder.layers.{layer}"
        shapes |= {f"{prefix}.ls1": [width], f"{prefix}.ls2": [width], f"{prefix}.attn.qkv.weight": [3 * width, width]}
        shapes |= with_bias(f"{prefix}.attn.proj", width, width)
        shapes |= with_bias(f"{prefix}.mlp.fc1", inner, width) | with_bias(f"{prefix}.mlp.fc2", width, inner)
        if vision["qkv_bias"]:
            shapes[f"{prefix}.attn.qkv.bias"] = [3 * width]
        if vision["qk_normalization"]:
            shapes |= {f"{prefix}.attn.{name}_norm.weight": [width] for name in "qk"}
        for norm in ("norm1", "norm2"):
            shapes |= with_bias(f"{prefix}.{norm}", width)
            if vision["norm_type"] == "rms_norm":
                del shapes[f"{prefix}.{norm}.bias"]
    merged = width * 4
    shapes |= with_bias("mlp1.0", merged)
    shapes |= with_bias("mlp1.1", text["hidden_size"], merged) | with_bias("mlp1.3", text["hidden_size"], text["hidden_size"])
    is_qwen3 = text["architectures"] == ["Qwen3ForCausalLM"]
    return shapes | decoder_shapes("language_model.", text, qkv_bias=not is_qwen3, norms=is_qwen3)


INTERNVL_VISION = {
    "architectures": ["InternVisionModel"],
    "attention_dropout": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 40,
    "image_size": 56,
    "intermediate_size": 76,
    "layer_norm_eps": 1e-06,
    "model_type": "intern_vit_6b",
    "norm_type": "layer_norm",
    "num_attention_heads": 2,
    "num_channels": 3,
    "num_hidden_layers": 4,
    "patch_size": 14,
    "qk_normalization": False,
    "qkv_bias": True,
    "use_flash_attn": True,
}
INTERNVL_CONFIG = {
    "_commit_hash": None,
    "architectures": ["InternVLChatModel"],
    "downsample_ratio": 0.5,
    "dynamic_image_size": True,
    "force_image_size": 56,
    "llm_config": {
        "_attn_implementation_autoset": True,
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        **{**QWEN2_TEXT, **SMALL, "tie_word_embeddings": False},
        "rope_scaling": {"factor": 2.0, "rope_type": "dynamic", "type": "dynamic"},
    },
    "max_dynamic_patch": 12,
    "min_dynamic_patch": 1,
    "model_type": "internvl_chat",
    "ps_version": "v2",
    "select_layer": -1,
    "template": "internvl2_5",
    "torch_dtype": "bfloat16",
    "use_backbone_lora": 0,
    "use_thumbnail": True,
    "vision_config": INTERNVL_VISION,
}
INTERNVL35_CONFIG = {
    **INTERNVL_CONFIG,
    "llm_config": {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        **{**QWEN3_TEXT, **SMALL, "tie_word_embeddings": True},
        "rope_scaling": None,
    },
    "vision_config": {
        **INTERNVL_VISION,
        "image_size": [56, 56],
        "patch_size": [14, 14],
        "norm_type": "rms_norm",
        "qk_normalization": True,
        "qkv_bias": False,
    },
}
INTERNVL_PREPROCESSOR = {
    "crop_size": 56,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 56,
}

KIMI_TEXT = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "aux_loss_alpha": 0.001,
    "eos_token_id": 50256,
    "ep_size": 1,
    "first_k_dense_replace": 1,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "kv_lora_rank": 32,
    "max_position_embeddings": 131072,
    "model_type": "deepseek_v3",
    "moe_intermediate_size": 32,
    "moe_layer_freq": 1,
    "n_group": 1,
    "n_routed_experts": 4,
    "n_shared_experts": 2,
    "norm_topk_prob": True,
    "num_attention_heads": 2,
    "num_experts_per_tok": 2,
    # llama.cpp tells DeepSeek's models without a low-rank query by their number of layers.
    "num_hidden_layers": 27,
    "num_key_value_heads": 2,
    "num_nextn_predict_layers": 0,
    "q_lora_rank": None,
    "qk_nope_head_dim": 24,
    "qk_rope_head_dim": 16,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 800000.0,
    "routed_scaling_factor": 2.446,
    "scoring_func": "sigmoid",
    "tie_word_embeddings": False,
    "topk_group": 1,
    "topk_method": "noaux_tc",
    "v_head_dim": 32,
    "vocab_size": 50304,
}
KIMI_CONFIG = {
    "architectures": ["KimiVLForConditionalGeneration"],
    "ignore_index": -100,
    "media_placeholder_token_id": 50257,
    "model_type": "kimi_vl",
    "text_config": KIMI_TEXT,
    "torch_dtype": "bfloat16",
    "vision_config": {
        "hidden_size": 48,
        "init_pos_emb_height": 8,
        "init_pos_emb_width": 8,
        "intermediate_size": 72,
        "merge_kernel_size": [2, 2],
        "model_type": "moonvit",
        "num_attention_heads": 3,
        "num_hidden_layers": 3,
        "patch_size": 14,
    },
    "vocab_size": 50304,
}


def kimi_vl_shapes(config):
    """modeling_kimi_vl.py, which comes with the checkpoints."""
    text, vision = config["text_config"], config["vision_config"]
    width, heads, latent = text["hidden_size"], text["num_attention_heads"], text["kv_lora_rank"]
    plain, rotary, values = text["qk_nope_head_dim"], text["qk_rope_head_dim"], text["v_head_dim"]
    shapes = {"model.embed_tokens": [text["vocab_size"], width], "model.norm": [width], "lm_head": [text["vocab_size"], width]}
    for layer in range(text["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        shapes |= {
            f"{prefix}.input_layernorm": [width],
            f"{prefix}.post_attention_layernorm": [width],
            f"{prefix}.self_attn.q_proj": [heads * (plain + rotary), width],
            f"{prefix}.self_attn.kv_a_proj_with_mqa": [latent + rotary, width],
            f"{prefix}.self_attn.kv_a_layernorm": [latent],
            f"{prefix}.self_attn.kv_b_proj": [heads * (plain + values), latent],
            f"{prefix}.self_attn.o_proj": [width, heads * values],
        }

        def feed_forward(name, inner, prefix=prefix):
            return {
                f"{prefix}.{name}.gate_proj": [inner, width],
                f"{prefix}.{name}.up_proj": [inner, width],
                f"{prefix}.{name}.down_proj": [width, inner],
            }

        if layer < text["first_k_dense_replace"]:
            shapes |= feed_forward("mlp", text["intermediate_size"])
            continue
        inner = text["moe_intermediate_size"]
        shapes |= {f"{prefix}.mlp.gate": [text["n_routed_experts"], width]}
        shapes |= feed_forward("mlp.shared_experts", inner * text["n_shared_experts"])
        for expert in range(text["n_routed_experts"]):
            shapes |= feed_forward(f"mlp.experts.{expert}", inner)
    shapes = {f"language_model.{name}.weight": shape for name, shape in shapes.items()}
    for layer in range(text["first_k_dense_replace"], text["num_hidden_layers"]):
        shapes[f"language_model.model.layers.{layer}.mlp.gate.e_score_correction_bias"] = [text["n_routed_experts"]]
    size, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    shapes["vision_tower.patch_embed.pos_emb.weight"] = [vision["init_pos_emb_height"], vision["init_pos_emb_width"], size]
    shapes |= with_bias("vision_tower.patch_embed.proj", size, 3, patch, patch)
    for layer in range(vision["num_hidden_layers"]):
        prefix = f"vision_tower.encoder.blocks.{layer}"
        shapes |= with_bias(f"{prefix}.wqkv", 3 * size, size) | with_bias(f"{prefix}.wo", size, size)
        shapes |= with_bias(f"{prefix}.norm0", size) | with_bias(f"{prefix}.norm1", size)
        shapes |= with_bias(f"{prefix}.mlp.fc0", inner, size) | with_bias(f"{prefix}.mlp.fc1", size, inner)
    shapes |= with_bias("vision_tower.encoder.final_layernorm", size) | with_bias("multi_modal_projector.pre_norm", size)
    shapes |= with_bias("multi_modal_projector.linear_1", 4 * size, 4 * size)
    return shapes | with_bias("multi_modal_projector.linear_2", width, 4 * size)


QWEN35_TEXT = {
    "attention_bias": False,
    "eos_token_id": 50256,
    "full_attention_interval": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "layer_types": ["linear_attention", "full_attention"],
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 6,
    "linear_value_head_dim": 16,
    "max_position_embeddings": 262144,
    "model_type": "qwen3_5_text",
    "mtp_num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {
        "mrope_interleaved": True,
        "mrope_section": [2, 1, 1],
        "partial_rotary_factor": 0.25,
        "rope_theta": 10000000,
        "rope_type": "default",
    },
    "tie_word_embeddings": False,
    "vocab_size": 50304,
}
QWEN35_CONFIG = {
    "architectures": ["Qwen3_5ForConditionalGeneration"],
    "image_token_id": 50257,
    "model_type": "qwen3_5",
    "text_config": QWEN35_TEXT,
    "tie_word_embeddings": False,
    "vision_config": {**QWEN3_VISION, "deepstack_visual_indexes": [], "model_type": "qwen3_5"},
}
QWEN35_MOE_CONFIG = {
    **QWEN35_CONFIG,
    "architectures": ["Qwen3_5MoeForConditionalGeneration"],
    "model_type": "qwen3_5_moe",
    "text_config": {
        **{k: v for k, v in QWEN35_TEXT.items() if k != "intermediate_size"},
        "model_type": "qwen3_5_moe_text",
        "moe_intermediate_size": 32,
        "num_experts": 6,
        "num_experts_per_tok": 2,
        "shared_expert_intermediate_size": 32,
    },
}


def qwen35_shapes(config):
    """modeling_qwen3_5.py of transformers 5, with the layers that predict a further token."""
    text, vision = config["text_config"], config["vision_config"]
    width, heads, head = text["hidden_size"], text["num_attention_heads"], text["head_dim"]
    keys = text["linear_num_key_heads"] * text["linear_key_head_dim"]
    value_heads = text["linear_num_value_heads"]
    values = value_heads * text["linear_value_head_dim"]

    def gated(prefix, inner):
        return {
            f"{prefix}.gate_proj.weight": [inner, width],
            f"{prefix}.up_proj.weight": [inner, width],
            f"{prefix}.down_proj.weight": [width, inner],
        }

    def layer_shapes(prefix, is_linear):
        shapes = {f"{prefix}.input_layernorm.weight": [width], f"{prefix}.post_attention_layernorm.weight": [width]}
        if is_linear:
            shapes |= {
                f"{prefix}.linear_attn.in_proj_qkv.weight": [2 * keys + values, width],
                f"{prefix}.linear_attn.in_proj_z.weight": [values, width],
                f"{prefix}.linear_attn.in_proj_a.weight": [value_heads, width],
                f"{prefix}.linear_attn.in_proj_b.weight": [value_heads, width],
                f"{prefix}.linear_attn.conv1d.weight": [2 * keys + values, 1, text["linear_conv_kernel_dim"]],
                f"{prefix}.linear_attn.A_log": [value_heads],
                f"{prefix}.linear_attn.dt_bias": [value_heads],
                f"{prefix}.linear_attn.norm.weight": [text["linear_value_head_dim"]],
                f"{prefix}.linear_attn.out_proj.weight": [width, values],
            }
        else:
            shapes |= {
                f"{prefix}.self_attn.q_proj.weight": [2 * heads * head, width],
                f"{prefix}.self_attn.k_proj.weight": [text["num_key_value_heads"] * head, width],
                f"{prefix}.self_attn.v_proj.weight": [text["num_key_value_heads"] * head, width],
                f"{prefix}.self_attn.o_proj.weight": [width, heads * head],
                f"{prefix}.self_attn.q_norm.weight": [head],
                f"{prefix}.self_attn.k_norm.weight": [head],
            }
        if "num_experts" not in text:
            return shapes | gated(f"{prefix}.mlp", text["intermediate_size"])
        experts, inner = text["num_experts"], text["moe_intermediate_size"]
        shapes |= gated(f"{prefix}.mlp.shared_expert", text["shared_expert_intermediate_size"])
        return shapes | {
            f"{prefix}.mlp.gate.weight": [experts, width],
            f"{prefix}.mlp.shared_expert_gate.weight": [1, width],
            f"{prefix}.mlp.experts.gate_up_proj": [experts, 2 * inner, width],
            f"{prefix}.mlp.experts.down_proj": [experts, width, inner],
        }

    shapes = {
        "lm_head.weight": [text["vocab_size"], width],
        "model.language_model.embed_tokens.weight": [text["vocab_size"], width],
        "model.language_model.norm.weight": [width],
        "mtp.fc.weight": [width, 2 * width],
        "mtp.norm.weight": [width],
        "mtp.pre_fc_norm_embedding.weight": [width],
        "mtp.pre_fc_norm_hidden.weight": [width],
        **layer_shapes("mtp.layers.0", False),
    }
    for layer, kind in enumerate(text["layer_types"]):
        shapes |= layer_shapes(f"model.language_model.layers.{layer}", kind == "linear_attention")
    size, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    shapes["model.visual.pos_embed.weight"] = [vision["num_position_embeddings"], size]
    shapes |= with_bias("model.visual.patch_embed.proj", size, 3, 2, patch, patch)
    for layer in range(vision["depth"]):
        prefix = f"model.visual.blocks.{layer}"
        shapes |= with_bias(f"{prefix}.norm1", size) | with_bias(f"{prefix}.norm2", size)
        shapes |= with_bias(f"{prefix}.attn.qkv", 3 * size, size) | with_bias(f"{prefix}.attn.proj", size, size)
        shapes |= with_bias(f"{prefix}.mlp.linear_fc1", inner, size) | with_bias(f"{prefix}.mlp.linear_fc2", size, inner)
    shapes |= with_bias("model.visual.merger.norm", size)
    shapes |= with_bias("model.visual.merger.linear_fc1", 4 * size, 4 * size)
    return shapes | with_bias("model.visual.merger.linear_fc2", width, 4 * size)


def glm_guessing_layer(shapes, layer):
    """The layer behind the others, which transformers does not load: like the last of them, and what leads into it."""
    last, prefix = f"model.layers.{layer - 1}.", f"model.layers.{layer}."
    table = shapes["model.embed_tokens.weight"]
    width = table[1]
    return {
        **shapes,
        **{name.replace(last, prefix): shape for name, shape in shapes.items() if name.startswith(last)},
        f"{prefix}eh_proj.weight": [width, 2 * width],
        **{f"{prefix}{name}.weight": [width] for name in ("enorm", "hnorm", "shared_head.norm")},
        **{f"{prefix}{name}.weight": table for name in ("embed_tokens", "shared_head.head")},
    }


FAMILIES = {
    "qwen2-tiny": {
        "seed": 20,
        "dtype": "F16",
        "tokenizer": "gpt2",
        "files": {
            "config.json": {
                "architectures": ["Qwen2ForCausalLM"],
                "model_type": "qwen2",
                **{**QWEN2_TEXT, "hidden_size": 72, "num_attention_heads": 3, "num_key_value_heads": 3},
                **SMALL,
                "tie_word_embeddings": False,
                "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
                "torch_dtype": "float16",
            },
            "generation_config.json": {"do_sample": True, "repetition_penalty": 1.05, "top_k": 20, "top_p": 0.8},
        },
    },
    "qwen2-vl-tiny": {
        "seed": 2,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Qwen2VLForConditionalGeneration"],
                **QWEN2_TOKENS,
                **QWEN2_TEXT,
                **SMALL,
                "model_type": "qwen2_vl",
                "torch_dtype": "bfloat16",
                "transformers_version": "4.41.2",
                "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
                "vision_config": {
                    "depth": 3,
                    "embed_dim": 32,
                    "mlp_ratio": 4,
                    "num_heads": 2,
                    "in_chans": 3,
                    "hidden_size": 64,
                    "patch_size": 14,
                    "spatial_merge_size": 2,
                    "spatial_patch_size": 14,
                    "temporal_patch_size": 2,
                },
            },
            "preprocessor_config.json": QWEN2_PREPROCESSOR,
        },
    },
    "qwen2.5-vl-tiny": {
        "seed": 25,
        "shards": 2,
        "tokenizer": "qwen3",
        "files": {
            "config.json": {
                "architectures": ["Qwen2_5_VLForConditionalGeneration"],
                **QWEN2_TOKENS,
                **QWEN2_TEXT,
                "model_type": "qwen2_5_vl",
                "torch_dtype": "bfloat16",
                "transformers_version": "4.41.2",
                "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
                "vision_config": QWEN25_VISION,
            },
            "preprocessor_config.json": QWEN2_PREPROCESSOR,
            "generation_config.json": {"do_sample": True, "repetition_penalty": 1.05, "temperature": 0.000001},
        },
    },
    "qwen2.5-vl-nested-tiny": {
        "seed": 26,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Qwen2_5_VLForConditionalGeneration"],
                "model_type": "qwen2_5_vl",
                "dtype": "bfloat16",
                "image_token_id": 151655,
                "tie_word_embeddings": False,
                "text_config": {
                    **{k: v for k, v in QWEN2_TEXT.items() if k not in ("rope_theta", "tie_word_embeddings")},
                    "model_type": "qwen2_5_vl_text",
                    "dtype": "bfloat16",
                    **SMALL,
                    "rope_parameters": {
                        "mrope_section": [2, 3, 3],
                        "rope_theta": 500000.0,
                        "rope_type": "default",
                        "type": "default",
                    },
                },
                "vision_config": {**QWEN25_VISION, "model_type": "qwen2_5_vl", "dtype": "bfloat16"},
            },
            "preprocessor_config.json": QWEN2_PREPROCESSOR,
        },
    },
    "qwen3-tiny": {
        "seed": 30,
        "dtype": "F32",
        "tokenizer": "gpt2",
        "files": {
            "config.json": {
                "architectures": ["Qwen3ForCausalLM"],
                "model_type": "qwen3",
                **QWEN3_TEXT,
                "rope_scaling": None,
                "tie_word_embeddings": True,
                **SMALL,
            },
        },
    },
    "qwen3-moe-tiny": {
        "seed": 31,
        "shards": 3,
        "tokenizer": "gpt2",
        "files": {
            "config.json": {
                "architectures": ["Qwen3MoeForCausalLM"],
                "model_type": "qwen3_moe",
                **QWEN3_TEXT,
                **QWEN3_MOE,
                **SMALL,
                "tie_word_embeddings": False,
                "torch_dtype": "bfloat16",
            },
        },
    },
    "qwen3-vl-tiny": {
        "seed": 33,
        "tokenizer": "qwen3",
        "files": {
            "config.json": {
                "architectures": ["Qwen3VLForConditionalGeneration"],
                "image_token_id": 151655,
                "model_type": "qwen3_vl",
                "text_config": {
                    **QWEN3_TEXT,
                    "model_type": "qwen3_vl_text",
                    "bos_token_id": 151643,
                    "eos_token_id": 151645,
                    "dtype": "bfloat16",
                    "rope_scaling": QWEN3_MROPE,
                    "tie_word_embeddings": True,
                },
                "tie_word_embeddings": True,
                "transformers_version": "4.57.0.dev0",
                "video_token_id": 151656,
                "vision_config": {**QWEN3_VISION, "model_type": "qwen3_vl"},
                "vision_end_token_id": 151653,
                "vision_start_token_id": 151652,
            },
            "preprocessor_config.json": QWEN3_PREPROCESSOR,
        },
    },
    "qwen3-vl-moe-tiny": {
        "seed": 34,
        "shards": 2,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Qwen3VLMoeForConditionalGeneration"],
                "image_token_id": 151655,
                "model_type": "qwen3_vl_moe",
                "text_config": {
                    **QWEN3_TEXT,
                    **QWEN3_MOE,
                    **SMALL,
                    "model_type": "qwen3_vl_moe_text",
                    "dtype": "bfloat16",
                    "rope_scaling": QWEN3_MROPE,
                },
                "tie_word_embeddings": False,
                "vision_config": {**QWEN3_VISION, "model_type": "qwen3_vl_moe"},
            },
            "preprocessor_config.json": QWEN3_PREPROCESSOR,
        },
    },
    "llama-tiny": {
        "seed": 3,
        "shards": 2,
        "tokenizer": "gpt2",
        "files": {
            "config.json": {
                "architectures": ["LlamaForCausalLM"],
                **{k: v for k, v in LLAMA_TEXT.items() if k != "head_dim"},
                "bos_token_id": 50256,
                "eos_token_id": [50256, 50300],
                "hidden_size": 128,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "rope_scaling": LLAMA3_ROPE,
                "tie_word_embeddings": True,
                "torch_dtype": "bfloat16",
            },
            "generation_config.json": {"temperature": 0.6, "top_p": 0.9},
        },
    },
    **LLAMA4_FAMILIES,
    "smolvlm-tiny": {
        "seed": 5,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["SmolVLMForConditionalGeneration"],
                "image_token_id": 50262,
                "model_type": "smolvlm",
                "pad_token_id": 50256,
                "scale_factor": 4,
                "text_config": {**LLAMA_TEXT, "architectures": ["VLlama3ForCausalLM"], "is_llama_config": True},
                "tie_word_embeddings": False,
                "torch_dtype": "bfloat16",
                "use_cache": False,
                "vision_config": {
                    "hidden_size": 48,
                    "image_size": 64,
                    "intermediate_size": 70,
                    "model_type": "smolvlm_vision",
                    "num_attention_heads": 3,
                    "num_hidden_layers": 3,
                    "patch_size": 16,
                    "size": {"longest_edge": 64},
                },
                "vocab_size": 50304,
            },
            "preprocessor_config.json": {
                "image_mean": [0.5, 0.5, 0.5],
                "image_processor_type": "SmolVLMImageProcessor",
                "image_std": [0.5, 0.5, 0.5],
                "max_image_size": {"longest_edge": 64},
                "size": {"longest_edge": 256},
            },
        },
    },
    "idefics3-tiny": {
        "seed": 6,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Idefics3ForConditionalGeneration"],
                "image_token_id": 50262,
                "model_type": "idefics3",
                "scale_factor": 2,
                "text_config": {
                    **{k: v for k, v in LLAMA_TEXT.items() if k != "head_dim"},
                    "architectures": ["VLlama3ForCausalLM"],
                },
                "vision_config": {
                    "hidden_size": 64,
                    "image_size": 56,
                    "intermediate_size": 96,
                    "model_type": "idefics3_vision",
                    "num_attention_heads": 4,
                    "num_hidden_layers": 3,
                    "patch_size": 14,
                },
                "vocab_size": 50304,
            },
            "preprocessor_config.json": {
                "image_mean": [0.5, 0.5, 0.5],
                "image_std": [0.5, 0.5, 0.5],
                "max_image_size": {"longest_edge": 56},
            },
        },
    },
    "internvl3-tiny": {
        "seed": 7,
        "tokenizer": "gpt2-images",
        "shapes": lambda: internvl_shapes(INTERNVL_CONFIG),
        "files": {"config.json": INTERNVL_CONFIG, "preprocessor_config.json": INTERNVL_PREPROCESSOR},
    },
    "internvl3.5-tiny": {
        "seed": 8,
        "shards": 2,
        "tokenizer": "gpt2-images",
        "shapes": lambda: internvl_shapes(
            {**INTERNVL35_CONFIG, "vision_config": {**INTERNVL35_CONFIG["vision_config"], "image_size": 56, "patch_size": 14}}
        ),
        "files": {"config.json": INTERNVL35_CONFIG, "preprocessor_config.json": INTERNVL_PREPROCESSOR},
    },
    # llama.cpp's converter finds the embedding of [IMG_BREAK] only where nothing stands before "model.embed_tokens".
    "pixtral-tiny": {
        "seed": 9,
        "tokenizer": "gpt2-images",
        "rename": lambda name: name.replace("language_model.", ""),
        "files": {
            "config.json": {
                "architectures": ["LlavaForConditionalGeneration"],
                "ignore_index": -100,
                "image_seq_length": 1,
                "image_token_index": 50257,
                "model_type": "llava",
                "projector_hidden_act": "gelu",
                "text_config": {**MISTRAL_TEXT, "rope_theta": 1000000000.0, "sliding_window": None},
                "torch_dtype": "bfloat16",
                "vision_config": PIXTRAL_VISION,
                "vision_feature_layer": -1,
                "vision_feature_select_strategy": "full",
            },
            "preprocessor_config.json": PIXTRAL_PREPROCESSOR,
        },
    },
    "mistral3-tiny": {
        "seed": 10,
        "shards": 2,
        "tokenizer": "gpt2-images",
        "rename": lambda name: name.replace("language_model.", ""),
        "files": {
            "config.json": {
                "architectures": ["Mistral3ForConditionalGeneration"],
                "image_token_index": 50257,
                "model_type": "mistral3",
                "multimodal_projector_bias": False,
                "projector_hidden_act": "gelu",
                "spatial_merge_size": 2,
                "text_config": {**MISTRAL_TEXT, "head_dim": 32, "rope_theta": 1000000000.0, "sliding_window": None},
                "torch_dtype": "bfloat16",
                "vision_config": {**PIXTRAL_VISION, "patch_size": 14, "image_size": 1540},
                "vision_feature_layer": -1,
            },
            "preprocessor_config.json": MISTRAL3_PREPROCESSOR,
        },
    },
    "kimi-vl-tiny": {
        "seed": 11,
        "shards": 2,
        "tokenizer": "gpt2-images",
        "shapes": lambda: kimi_vl_shapes(KIMI_CONFIG),
        "files": {
            "config.json": KIMI_CONFIG,
            "preprocessor_config.json": {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "patch_size": 14},
        },
    },
    "lfm2-vl-tiny": {
        "seed": 12,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Lfm2VlForConditionalGeneration"],
                "do_image_splitting": True,
                "downsample_factor": 2,
                "image_token_id": 50257,
                "model_type": "lfm2_vl",
                "projector_bias": True,
                "projector_hidden_act": "gelu",
                "projector_hidden_size": 80,
                "text_config": {
                    "architectures": ["Lfm2ForCausalLM"],
                    "block_auto_adjust_ff_dim": True,
                    "block_dim": 64,
                    "block_ff_dim": 150,
                    "block_ffn_dim_multiplier": 1.0,
                    "block_multiple_of": 32,
                    "conv_L_cache": 3,
                    "conv_bias": False,
                    "eos_token_id": 50256,
                    "full_attn_idxs": [2],
                    "hidden_size": 64,
                    "layer_types": ["conv", "conv", "full_attention", "conv"],
                    "max_position_embeddings": 128000,
                    "model_type": "lfm2",
                    "norm_eps": 1e-05,
                    "num_attention_heads": 4,
                    "num_hidden_layers": 4,
                    "num_key_value_heads": 2,
                    "rope_theta": 1000000.0,
                    "vocab_size": 50304,
                },
                "torch_dtype": "bfloat16",
                "vision_config": {
                    "hidden_size": 48,
                    "intermediate_size": 70,
                    "layer_norm_eps": 1e-06,
                    "model_type": "siglip2_vision_model",
                    "num_attention_heads": 3,
                    "num_channels": 3,
                    "num_hidden_layers": 3,
                    "num_patches": 64,
                    "patch_size": 16,
                    "vision_use_head": False,
                },
                "vision_feature_layer": -1,
            },
            "preprocessor_config.json": {
                "downsample_factor": 2,
                "encoder_patch_size": 16,
                "image_mean": [0.5, 0.5, 0.5],
                "image_std": [0.5, 0.5, 0.5],
                "max_image_tokens": 256,
                "min_image_tokens": 64,
            },
        },
    },
    "glm4v-tiny": {
        "seed": 13,
        "tokenizer": "gpt2-images",
        "files": {
            "config.json": {
                "architectures": ["Glm4vForConditionalGeneration"],
                "image_end_token_id": 50259,
                "image_start_token_id": 50258,
                "image_token_id": 50257,
                "model_type": "glm4v",
                "text_config": {
                    "attention_bias": True,
                    "eos_token_id": [50256, 50260],
                    "hidden_size": 64,
                    "intermediate_size": 96,
                    "max_position_embeddings": 65536,
                    "model_type": "glm4v_text",
                    "num_attention_heads": 4,
                    "num_hidden_layers": 2,
                    "num_key_value_heads": 2,
                    "partial_rotary_factor": 0.5,
                    "rms_norm_eps": 1e-05,
                    "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default"},
                    "rope_theta": 10000.0,
                    "tie_word_embeddings": False,
                    "vocab_size": 50304,
                },
                "tie_word_embeddings": False,
                "torch_dtype": "bfloat16",
                "vision_config": {
                    "attention_bias": False,
                    "depth": 3,
                    "hidden_act": "silu",
                    "hidden_size": 48,
                    "image_size": 56,
                    "in_channels": 3,
                    "intermediate_size": 104,
                    "model_type": "glm4v",
                    "num_heads": 3,
                    "out_hidden_size": 64,
                    "patch_size": 14,
                    "rms_norm_eps": 1e-05,
                    "spatial_merge_size": 2,
                    "temporal_patch_size": 2,
                },
            },
            "preprocessor_config.json": GLM4V_PREPROCESSOR,
        },
    },
    "glm4.5v-tiny": {
        "seed": 14,
        "shards": 2,
        "tokenizer": "gpt2-more",
        "files": {
            "config.json": {
                "architectures": ["Glm4vMoeForConditionalGeneration"],
                "image_end_token_id": 50261,
                "image_start_token_id": 50260,
                "image_token_id": 50272,
                "model_type": "glm4v_moe",
                "text_config": {
                    "attention_bias": True,
                    "attention_dropout": 0.0,
                    "dtype": "bfloat16",
                    "eos_token_id": [50256, 50258, 50259],
                    "first_k_dense_replace": 1,
                    "head_dim": 16,
                    "hidden_act": "silu",
                    "hidden_size": 64,
                    "intermediate_size": 104,
                    "max_position_embeddings": 65536,
                    "model_type": "glm4v_moe_text",
                    "moe_intermediate_size": 32,
                    "n_group": 1,
                    "n_routed_experts": 6,
                    "n_shared_experts": 1,
                    "norm_topk_prob": True,
                    "num_attention_heads": 4,
                    "num_experts_per_tok": 2,
                    "num_hidden_layers": 3,
                    "num_key_value_heads": 2,
                    "pad_token_id": 50256,
                    "partial_rotary_factor": 0.5,
                    "rms_norm_eps": 1e-05,
                    "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default"},
                    "rope_theta": 10000.0,
                    "routed_scaling_factor": 1.0,
                    "topk_group": 1,
                    "use_cache": True,
                    "use_qk_norm": False,
                    "vocab_size": 50304,
                },
                "tie_word_embeddings": False,
                "transformers_version": "4.57.0.dev0",
                "vision_config": {
                    "attention_bias": False,
                    "attention_dropout": 0.0,
                    "depth": 3,
                    "dtype": "bfloat16",
                    "hidden_act": "silu",
                    "hidden_size": 48,
                    "image_size": 56,
                    "in_channels": 3,
                    "intermediate_size": 104,
                    "model_type": "glm4v_moe",
                    "num_heads": 3,
                    "out_hidden_size": 64,
                    "patch_size": 14,
                    "rms_norm_eps": 1e-05,
                    "spatial_merge_size": 2,
                    "temporal_patch_size": 2,
                },
            },
            "preprocessor_config.json": GLM4V_PREPROCESSOR,
        },
    },
    "glm4.5-tiny": {
        "seed": 15,
        "tokenizer": "gpt2-more",
        "further": lambda shapes: glm_guessing_layer(shapes, 2),
        "files": {
            "config.json": {
                "architectures": ["Glm4MoeForCausalLM"],
                "attention_bias": True,
                "attention_dropout": 0.0,
                "eos_token_id": [50256, 50258, 50259],
                "first_k_dense_replace": 1,
                "head_dim": 16,
                "hidden_act": "silu",
                "hidden_size": 64,
                "intermediate_size": 104,
                "max_position_embeddings": 131072,
                "model_type": "glm4_moe",
                "moe_intermediate_size": 32,
                "n_group": 1,
                "n_routed_experts": 4,
                "n_shared_experts": 1,
                "norm_topk_prob": True,
                "num_attention_heads": 4,
                "num_experts_per_tok": 2,
                "num_hidden_layers": 2,
                "num_key_value_heads": 2,
                "num_nextn_predict_layers": 1,
                "pad_token_id": 50256,
                "partial_rotary_factor": 0.5,
                "rms_norm_eps": 1e-05,
                "rope_scaling": None,
                "rope_theta": 1000000,
                "routed_scaling_factor": 2.5,
                "tie_word_embeddings": False,
                "topk_group": 1,
                "torch_dtype": "bfloat16",
                "use_qk_norm": True,
                "vocab_size": 50304,
            },
        },
    },
    "mixtral-tiny": {
        "seed": 16,
        "shards": 2,
        "tokenizer": "gpt2",
        "files": {
            "config.json": {
                "architectures": ["MixtralForCausalLM"],
                "attention_dropout": 0.0,
                **SMALL,
                "hidden_act": "silu",
                "hidden_size": 64,
                "intermediate_size": 96,
                "max_position_embeddings": 32768,
                "model_type": "mixtral",
                "num_attention_heads": 4,
                "num_experts_per_tok": 2,
                "num_hidden_layers": 2,
                "num_key_value_heads": 2,
                "num_local_experts": 4,
                "output_router_logits": False,
                "rms_norm_eps": 1e-05,
                "rope_theta": 1000000.0,
                "router_aux_loss_coef": 0.02,
                "sliding_window": None,
                "tie_word_embeddings": False,
                "torch_dtype": "bfloat16",
                "use_cache": True,
            },
        },
    },
    "qwen3.5-tiny": {
        "seed": 35,
        "tokenizer": "gpt2-images",
        "shapes": lambda: qwen35_shapes(QWEN35_CONFIG),
        "files": {"config.json": QWEN35_CONFIG, "preprocessor_config.json": QWEN3_PREPROCESSOR},
    },
    "qwen3.5-moe-tiny": {
        "seed": 36,
        "shards": 2,
        "tokenizer": "gpt2-images",
        "shapes": lambda: qwen35_shapes(QWEN35_MOE_CONFIG),
        "files": {"config.json": QWEN35_MOE_CONFIG, "preprocessor_config.json": QWEN3_PREPROCESSOR},
    },
}
