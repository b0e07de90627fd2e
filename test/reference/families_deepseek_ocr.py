"""The checkpoints of DeepSeek-OCR, whose classes come with them: the tensors are listed by hand."""

# Of three layers of SAM's, the last looks at the whole picture. Behind it are four, by whose number llama.cpp's converter
# knows how many numbers SAM's neck counts to.
SAM = {"downsample_channels": [28, 48], "global_attn_indexes": [2, 5, 8, 11], "heads": 2, "layers": 3, "width": 32}
VISION = {"image_size": 1024, "mlp_ratio": 3.7362, "model_name": "deeplip_b_l", "model_type": "vision"}
TEXT = {
    "bos_token_id": 50256,
    "eos_token_id": 50256,
    "first_k_dense_replace": 1,
    "hidden_size": 64,
    "intermediate_size": 104,
    "kv_lora_rank": None,
    "lm_head": True,
    "max_position_embeddings": 8192,
    "moe_intermediate_size": 40,
    "n_group": 1,
    "n_routed_experts": 4,
    "n_shared_experts": 2,
    "num_attention_heads": 2,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "q_lora_rank": None,
    "qk_nope_head_dim": 0,
    "qk_rope_head_dim": 0,
    "rm_head": False,
    "topk_group": 1,
    "topk_method": "greedy",
    "use_mla": False,
    "v_head_dim": 0,
    "vocab_size": 50304,
}


def config(architecture: str, vision: dict, input_dim: int) -> dict:
    """As the checkpoints on the Hub have it: the settings of the text model twice."""
    return {
        "_name_or_path": "deepseek-ai/DeepSeek-OCR",
        "candidate_resolutions": [[1024, 1024]],
        "global_view_pos": "head",
        "architectures": [architecture],
        "language_config": {"architectures": ["DeepseekV2ForCausalLM"], **TEXT, "torch_dtype": "bfloat16"},
        "model_type": "deepseek_vl_v2",
        "projector_config": {
            "input_dim": input_dim,
            "model_type": "mlp_projector",
            "n_embed": TEXT["hidden_size"],
            "projector_type": "linear",
        },
        "tile_tag": "2D",
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.3",
        "vision_config": vision,
        **TEXT,
    }


OCR_CONFIG = config(
    "DeepseekOCRForCausalLM",
    {
        **VISION,
        "width": {
            "clip-l-14-224": {"heads": 4, "image_size": 224, "layers": 4, "patch_size": 14, "width": 48},
            "sam_vit_b": SAM,
        },
    },
    96,
)
# What says how large the encoder behind SAM is, the Hub leaves to the class.
OCR2_CONFIG = config(
    "DeepseekOCR2ForCausalLM",
    {
        **VISION,
        "model_name": "deepencoderv2",
        "intermediate_size": 76,
        "layers": 4,
        "num_attention_heads": 4,
        # The second channel is left over from DeepSeek-OCR 1: SAM's neck counts to the width of Qwen 2.
        "width": {"qwen2-0-5b": {"dim": 48}, "sam_vit_b": {**SAM, "downsample_channels": [28, 64]}},
    },
    48,
)
PROCESSOR = {
    "add_special_token": False,
    "candidate_resolutions": [[1024, 1024]],
    "downsample_ratio": 4,
    "ignore_id": -100,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "image_token": "<image>",
    "mask_prompt": False,
    "normalize": True,
    "pad_token": "<|endoftext|>",
    "patch_size": 16,
    "processor_class": "DeepseekVLV2Processor",
    "sft_format": "deepseek",
}
TOKENIZER = {
    "add_bos_token": True,
    "add_eos_token": False,
    "added_tokens_decoder": {"50256": {"content": "<|endoftext|>", "normalized": False, "special": True}},
    "bos_token": "<|endoftext|>",
    "eos_token": "<|endoftext|>",
    "model_max_length": 8192,
    "pad_token": "<|endoftext|>",
    "tokenizer_class": "PreTrainedTokenizerFast",
    "unk_token": None,
}


def with_bias(name: str, rows: int, *rest: int) -> dict:
    return {f"{name}.weight": [rows, *rest], f"{name}.bias": [rows]}


def feed_forward(name: str, width: int, inner: int) -> dict:
    down = {f"{name}.down_proj.weight": [width, inner]}
    return {f"{name}.{part}_proj.weight": [inner, width] for part in ("gate", "up")} | down


def attention(name: str, width: int) -> dict:
    return {f"{name}.{part}_proj.weight": [width, width] for part in "qkvo"}


def text_shapes() -> dict:
    width, vocabulary = TEXT["hidden_size"], TEXT["vocab_size"]
    shapes = {"lm_head.weight": [vocabulary, width], "model.embed_tokens.weight": [vocabulary, width]}
    shapes |= {"model.norm.weight": [width]}
    for layer in range(TEXT["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        shapes |= attention(f"{name}.self_attn", width)
        shapes |= {f"{name}.{norm}_layernorm.weight": [width] for norm in ("input", "post_attention")}
        if layer < TEXT["first_k_dense_replace"]:
            shapes |= feed_forward(f"{name}.mlp", width, TEXT["intermediate_size"])
            continue
        inner = TEXT["moe_intermediate_size"]
        shapes |= {f"{name}.mlp.gate.weight": [TEXT["n_routed_experts"], width]}
        shapes |= feed_forward(f"{name}.mlp.shared_experts", width, inner * TEXT["n_shared_experts"])
        for expert in range(TEXT["n_routed_experts"]):
            shapes |= feed_forward(f"{name}.mlp.experts.{expert}", width, inner)
    return shapes


def sam_shapes() -> dict:
    name, width, (first, last) = "model.sam_model", SAM["width"], SAM["downsample_channels"]
    shapes = {f"{name}.pos_embed": [1, 64, 64, width]} | with_bias(f"{name}.patch_embed.proj", width, 3, 16, 16)
    for layer in range(SAM["layers"]):
        block = f"{name}.blocks.{layer}"
        positions = 2 * (64 if layer in SAM["global_attn_indexes"] else 14) - 1
        shapes |= {f"{block}.attn.rel_pos_{axis}": [positions, width // SAM["heads"]] for axis in "hw"}
        shapes |= with_bias(f"{block}.attn.qkv", 3 * width, width) | with_bias(f"{block}.attn.proj", width, width)
        shapes |= with_bias(f"{block}.norm1", width) | with_bias(f"{block}.norm2", width)
        shapes |= with_bias(f"{block}.mlp.lin1", 4 * width, width) | with_bias(f"{block}.mlp.lin2", width, 4 * width)
    shapes |= {f"{name}.neck.0.weight": [256, width, 1, 1], f"{name}.neck.2.weight": [256, 256, 3, 3]}
    shapes |= with_bias(f"{name}.neck.1", 256) | with_bias(f"{name}.neck.3", 256)
    return shapes | {f"{name}.net_2.weight": [first, 256, 3, 3], f"{name}.net_3.weight": [last, first, 3, 3]}


def projector_shapes(input_dim: int) -> dict:
    width = TEXT["hidden_size"]
    return {"model.view_seperator": [width]} | with_bias("model.projector.layers", width, input_dim)


def ocr_shapes() -> dict:
    clip = OCR_CONFIG["vision_config"]["width"]["clip-l-14-224"]
    name, width = "model.vision_model", clip["width"]
    shapes = {
        "model.image_newline": [TEXT["hidden_size"]],
        f"{name}.embeddings.class_embedding": [width],
        f"{name}.embeddings.patch_embedding.weight": [width, 3, 14, 14],
        f"{name}.embeddings.position_embedding.weight": [257, width],
    } | with_bias(f"{name}.pre_layrnorm", width)
    for layer in range(clip["layers"]):
        block = f"{name}.transformer.layers.{layer}"
        shapes |= with_bias(f"{block}.self_attn.qkv_proj", 3 * width, width)
        shapes |= with_bias(f"{block}.self_attn.out_proj", width, width)
        shapes |= with_bias(f"{block}.layer_norm1", width) | with_bias(f"{block}.layer_norm2", width)
        shapes |= with_bias(f"{block}.mlp.fc1", 4 * width, width) | with_bias(f"{block}.mlp.fc2", width, 4 * width)
    return text_shapes() | sam_shapes() | shapes | projector_shapes(width + SAM["downsample_channels"][1])


def ocr2_shapes() -> dict:
    vision = OCR2_CONFIG["vision_config"]
    name, width = "model.qwen2_model", vision["width"]["qwen2-0-5b"]["dim"]
    shapes = {f"{name}.query_768.weight": [144, width], f"{name}.query_1024.weight": [256, width]}
    shapes |= {f"{name}.model.model.norm.weight": [width]}
    grouped = width // vision["num_attention_heads"] * 2
    for layer in range(vision["layers"]):
        block = f"{name}.model.model.layers.{layer}"
        shapes |= {f"{block}.{norm}_layernorm.weight": [width] for norm in ("input", "post_attention")}
        shapes |= with_bias(f"{block}.self_attn.q_proj", width, width)
        shapes |= with_bias(f"{block}.self_attn.k_proj", grouped, width)
        shapes |= with_bias(f"{block}.self_attn.v_proj", grouped, width)
        shapes |= {f"{block}.self_attn.o_proj.weight": [width, width]}
        shapes |= feed_forward(f"{block}.mlp", width, vision["intermediate_size"])
    return text_shapes() | sam_shapes() | shapes | projector_shapes(width)


def family(seed: int, shapes, configuration: dict) -> dict:
    return {
        "seed": seed,
        "tokenizer": "gpt2-images",
        "shapes": shapes,
        "files": {
            "config.json": configuration,
            "processor_config.json": PROCESSOR,
            "tokenizer_config.json": TOKENIZER,
        },
    }


FAMILIES_DEEPSEEK_OCR = {
    "deepseek-ocr-tiny": {**family(81, ocr_shapes, OCR_CONFIG), "shards": 2},
    "deepseek-ocr-2-tiny": family(84, ocr2_shapes, OCR2_CONFIG),
}
