"""What convert_hf_to_gguf.py lost of Gemma 3n's projector, which it cannot convert: the name of two norms, and the shape
of the scales of layers, which its own code for them no longer reaches and without which llama.cpp ends the process.
"""

import re

from conversion.gemma import Gemma3nVisionAudioModel
from gguf import GGMLQuantizationType

modify_tensors = Gemma3nVisionAudioModel.modify_tensors
tensor_force_quant = Gemma3nVisionAudioModel.tensor_force_quant


def with_norms_and_scales(self, data_torch, name, bid):
    if norm := re.fullmatch(r"model\.audio_tower\.subsample_conv_projection\.conv_(\d)\.norm\.weight", name):
        yield f"a.conv1d.{norm[1]}.norm.weight", data_torch
        return
    for new_name, data in modify_tensors(self, data_torch, name, bid):
        yield new_name, data.reshape(1, -1, 1, 1) if new_name.endswith("layer_scale.gamma") else data


def with_single_scales(self, name, new_name, bid, n_dims):
    if new_name.endswith("layer_scale.gamma"):
        return GGMLQuantizationType.F32
    return tensor_force_quant(self, name, new_name, bid, n_dims)


Gemma3nVisionAudioModel.modify_tensors = with_norms_and_scales
Gemma3nVisionAudioModel.tensor_force_quant = with_single_scales
