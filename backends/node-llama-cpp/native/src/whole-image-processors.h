#pragma once

#include <cstdint>

#include "image-preparation.h"

namespace vserve {

// The processors that leave an image in one piece. `model` must outlive what they return.

constexpr int gemma4_max_tokens = 280;

// Stretches an image to the encoder's square.
Prepare square(const clip_hparams & model, const ProcessorSettings & settings, resize_algo usual_filter);

// `n_positions`: patches that a side may have; 0 where any.
Prepare gemma4(const clip_hparams & model, const ProcessorSettings & settings, int n_positions);

using SmartResize = ImageSize (*)(ImageSize, int, double, double);

Prepare qwen_vl(const clip_hparams & model, const ProcessorSettings & settings, SmartResize resize, PixelBounds bounds,
                int32_t max_tokens);

Prepare pixtral(const clip_hparams & model, const ProcessorSettings & settings, int32_t max_tokens);

Prepare kimi_vl(const clip_hparams & model, const ProcessorSettings & settings);

// CLIP's processor crops the centre of an image.
Prepare llava_clip(const clip_hparams & model, const ProcessorSettings & settings);

}  // namespace vserve
