#pragma once

#include "image-preparation.h"

namespace vserve {

// The processors that cut an image into tiles. `model` must outlive what they return.

Prepare idefics3(const clip_hparams & model, const ProcessorSettings & settings);

Prepare internvl(const clip_hparams & model, const ProcessorSettings & settings);

Prepare lfm2_vl(const clip_hparams & model, const ProcessorSettings & settings);

Prepare minicpm_v(const clip_hparams & model, const ProcessorSettings & settings);

// Tiles, if the image is larger than one, and the whole image on grey. `in_rows`: the encoder takes rows of tiles.
Prepare deepseek_ocr(const clip_hparams & model, bool in_rows);

Prepare llama4(const clip_hparams & model, const ProcessorSettings & settings);

// The whole image and the tiles of an enlarged, black-padded copy, stacked vertically: mtmd joins them after encoding.
Prepare llava_next(const clip_hparams & model, const ProcessorSettings & settings);

}  // namespace vserve
