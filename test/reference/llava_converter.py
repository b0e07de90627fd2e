"""LLaVA's vision encoders for convert_hf_to_gguf.py, which knows only Pixtral's.

It does what llama.cpp's older scripts do (tools/mtmd/legacy-models: llava_surgery_v2.py and
convert_image_encoder_to_gguf.py), with the names and types that the converter gives such tensors in other models.
`check-llava-legacy.py` holds the two against each other.
"""

import json

from conversion import MMPROJ_MODEL_MAP, MmprojModel, ModelBase, ModelType
from conversion.llava import LlavaVisionModel

NAMES = {"multi_modal_projector.linear_1": "mm.0", "multi_modal_projector.linear_2": "mm.2"}
UNUSED = ("post_layernorm", "position_ids", ".head.")


class LlavaTowerModel(MmprojModel):
    """A CLIP or SigLIP tower with LLaVA's projector of two layers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        chosen = self.global_config.get("vision_feature_layer", -2)
        layers = self.hparams["num_hidden_layers"]
        chosen = chosen if isinstance(chosen, list) else [chosen]
        self.feature_layers = [layer if layer >= 0 else layers + 1 + layer for layer in chosen]
        self.hparams["num_hidden_layers"] = max(self.feature_layers)
        is_clip = self.hparams["model_type"] == "clip_vision_model"
        self.hparams.setdefault("layer_norm_eps", 1e-5 if is_clip else 1e-6)
        self.hparams.setdefault("hidden_act", "quick_gelu" if is_clip else "gelu_pytorch_tanh")

    def set_gguf_parameters(self):
        super().set_gguf_parameters()
        self.gguf_writer.add_clip_projector_type("mlp")
        self.gguf_writer.add_vision_attention_layernorm_eps(self.hparams["layer_norm_eps"])
        self.gguf_writer.add_vision_use_gelu(self.hparams["hidden_act"] != "quick_gelu")
        self.gguf_writer.add_vision_feature_layers(self.feature_layers)
        if self.global_config["model_type"] == "llava_next":
            pinpoints = self.global_config["image_grid_pinpoints"]
            self.gguf_writer.add_vision_image_grid_pinpoints([side for h, w in pinpoints for side in (w, h)])

    def modify_tensors(self, data_torch, name, bid):
        name = name.removeprefix("model.")
        if not name.startswith(("vision_tower.", "multi_modal_projector.", "image_newline")) or any(part in name for part in UNUSED):
            return
        if ".layers." in name and bid >= self.hparams["num_hidden_layers"]:
            return
        module, _, part = name.rpartition(".")
        if module in NAMES:
            yield f"{NAMES[module]}.{part}", data_torch
        elif module == "vision_tower.vision_model.pre_layrnorm":
            yield f"v.pre_ln.{part}", data_torch
        else:
            yield from super().modify_tensors(data_torch, name, bid)


def of_config(dir_model, *args, **kwargs):
    vision = json.loads((dir_model / "config.json").read_text())["vision_config"]
    model = LlavaVisionModel if vision["model_type"] == "pixtral" else LlavaTowerModel
    return model(dir_model, *args, **kwargs)


for architecture in ("LlavaForConditionalGeneration", "LlavaNextForConditionalGeneration"):
    MMPROJ_MODEL_MAP[architecture] = "llava"
    ModelBase._model_classes[ModelType.MMPROJ][architecture] = of_config
