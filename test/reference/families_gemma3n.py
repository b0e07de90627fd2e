"""Gemma 3n, whose vision encoder is timm's MobileNetV5: transformers 5 and timm describe it."""

LAYERS = 22
# llama.cpp has the first twenty layers keep keys and values of their own; the last two take those of each kind.
TYPES = [*(["sliding_attention"] * 4 + ["full_attention"]) * 4, "sliding_attention", "full_attention"]
# The tokenizer's pieces; then ids for what is seen, and those for what is heard.
PIECES = 424
MEDIA = 8
TEXT = {
    "activation_sparsity_pattern": [0.95] * 10 + [0.0] * (LAYERS - 10),
    "altup_active_idx": 0,
    "altup_coef_clip": 120.0,
    "altup_correct_scale": True,
    "altup_lr_multiplier": 1.0,
    "altup_num_inputs": 4,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "final_logit_softcapping": 30.0,
    "head_dim": 32,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 32,
    "hidden_size_per_layer_input": 256,
    "initializer_range": 0.02,
    "intermediate_size": [200] * LAYERS,
    "laurel_rank": 64,
    "layer_types": TYPES,
    "max_position_embeddings": 32768,
    "model_type": "gemma3n_text",
    "num_attention_heads": 4,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "num_kv_shared_layers": 2,
    "query_pre_attn_scalar": 256,
    "rms_norm_eps": 1e-06,
    "rope_local_base_freq": 10000.0,
    "rope_scaling": None,
    "rope_theta": 1000000.0,
    "sliding_window": 512,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": PIECES + 2 * MEDIA,
    "vocab_size_per_layer_input": PIECES,
}


def edge(channels, stride):
    return {
        "act_layer": None,
        "block_type": "er",
        "exp_kernel_size": 3,
        "exp_ratio": 4.0,
        "force_in_chs": 0,
        "noskip": False,
        "out_chs": channels,
        "pw_kernel_size": 1,
        "se_ratio": 0.0,
        "stride": stride,
    }


def inverted(channels, stride, first, middle, ratio):
    return {
        "act_layer": None,
        "block_type": "uir",
        "dw_kernel_size_end": 0,
        "dw_kernel_size_mid": middle,
        "dw_kernel_size_start": first,
        "exp_ratio": ratio,
        "noskip": False,
        "out_chs": channels,
        "se_ratio": 0.0,
        "stride": stride,
    }


def attention(channels, heads, width, stride):
    return {
        "act_layer": None,
        "block_type": "mqa",
        "dw_kernel_size": 3,
        "key_dim": width,
        "kv_stride": stride,
        "noskip": False,
        "num_heads": heads,
        "out_chs": channels,
        "stride": 1,
        "value_dim": width,
    }


VISION = {
    "architecture": "mobilenetv5_300m_enc",
    "do_pooling": False,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "label_names": ["LABEL_0", "LABEL_1"],
    # The blocks of each kind in an encoder that is no 300 million parameters large.
    "model_args": {
        "block_args": [
            [edge(16, 2), edge(16, 1)],
            [inverted(24, 2, 3, 5, 6.0), inverted(24, 1, 5, 0, 4.0)],
            [inverted(32, 2, 5, 5, 6.0), inverted(32, 1, 0, 0, 1.0), attention(32, 3, 16, 2), inverted(32, 1, 0, 0, 2.0)],
            [inverted(40, 2, 5, 5, 6.0), attention(40, 2, 24, 1), inverted(40, 1, 0, 0, 2.0)],
        ],
        "stem_size": 24,
    },
    "model_type": "gemma3n_vision",
    "num_classes": 2,
    "rms_norm_eps": 1e-06,
    "torch_dtype": "bfloat16",
    "vocab_offset": PIECES,
    "vocab_size": MEDIA,
}
AUDIO = {
    "conf_attention_chunk_size": 12,
    "conf_attention_context_left": 13,
    "conf_attention_context_right": 0,
    "conf_attention_logit_cap": 50.0,
    "conf_conv_kernel_size": 5,
    "conf_num_attention_heads": 2,
    "conf_num_hidden_layers": 1,
    "conf_positional_bias_size": 256,
    "conf_reduction_factor": 4,
    "conf_residual_weight": 0.5,
    "gradient_clipping": 10000000000.0,
    "hidden_size": 40,
    "input_feat_size": 128,
    "model_type": "gemma3n_audio",
    "rms_norm_eps": 1e-06,
    "sscp_conv_channel_size": [8, 4],
    "sscp_conv_group_norm_eps": 0.001,
    "sscp_conv_kernel_size": [[3, 3], [3, 3]],
    "sscp_conv_stride_size": [[2, 2], [2, 2]],
    "torch_dtype": "bfloat16",
    "vocab_offset": PIECES + MEDIA,
    "vocab_size": MEDIA,
}
CONFIG = {
    "architectures": ["Gemma3nForConditionalGeneration"],
    "audio_config": AUDIO,
    "audio_soft_tokens_per_image": 188,
    "audio_token_id": PIECES + MEDIA + 1,
    "boa_token_id": PIECES - 1,
    "boi_token_id": PIECES - 2,
    "eoa_token_id": PIECES + MEDIA,
    "eoi_token_id": PIECES,
    "eos_token_id": [1, 5],
    "image_token_id": PIECES + 1,
    "initializer_range": 0.02,
    "model_type": "gemma3n",
    "text_config": TEXT,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.53.0.dev0",
    "vision_config": VISION,
    "vision_soft_tokens_per_image": 256,
}
PREPROCESSOR = {
    "audio_seq_length": 188,
    "data_format": "channels_first",
    "default_to_square": False,
    "do_normalize": False,
    "do_rescale": True,
    "do_resize": True,
    "feature_extractor_type": "Gemma3nAudioFeatureExtractor",
    "feature_size": 128,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessorFast",
    "image_seq_length": 256,
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Gemma3nProcessor",
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "sampling_rate": 16000,
    "size": {"height": 512, "width": 512},
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\\n' + message['content'] }}"
    "{{ '<end_of_turn>\\n' }}{% endfor %}"
)
GENERATION = {
    "bos_token_id": 2,
    "cache_implementation": "hybrid",
    "do_sample": True,
    "eos_token_id": [1, 5],
    "pad_token_id": 0,
    "top_k": 64,
    "top_p": 0.95,
    "transformers_version": "4.53.0.dev0",
}


def shared_layers(shapes):
    """The checkpoints on the Hub have keys and values also for layers that take them from others."""
    rows = TEXT["num_key_value_heads"] * TEXT["head_dim"]
    for layer in range(LAYERS - TEXT["num_kv_shared_layers"], LAYERS):
        attention = f"model.language_model.layers.{layer}.self_attn"
        shapes |= {f"{attention}.{name}_proj.weight": [rows, TEXT["hidden_size"]] for name in "kv"}
        shapes[f"{attention}.k_norm.weight"] = [TEXT["head_dim"]]
    return shapes


FAMILIES_GEMMA3N = {
    "gemma3n-tiny": {
        "seed": 61,
        "tokenizer": "gemma3n",
        # Where ggml's kernels for AMX have their weights in another type, they compute the first of three matrices only.
        "ownSingles": ["altup_proj.weight", "altup_unembd_proj.weight"],
        "further": shared_layers,
        "files": {
            "config.json": CONFIG,
            "generation_config.json": GENERATION,
            "preprocessor_config.json": PREPROCESSOR,
            "processor_config.json": {
                "audio_seq_length": 188,
                "image_seq_length": 256,
                "processor_class": "Gemma3nProcessor",
            },
            "chat_template.jinja": TEMPLATE,
        },
    },
}
