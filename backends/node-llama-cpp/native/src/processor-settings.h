#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vserve {

// Crops of an image that is much longer than wide, or wider than long (Gemma 3).
struct PanAndScan {
    uint32_t max_crops = 0;      // 0 where images are not cropped
    uint32_t min_crop_size = 0;  // in pixels; smaller crops are not made
    float min_ratio = 0;         // of the longer side to the shorter
};

// How the checkpoint's own image processor is set up, as far as the projector's GGUF says so. Zero means that it does not:
// then the model's family decides, with the settings its models have on the Hub.
struct ProcessorSettings {
    uint32_t min_pixels = 0;
    uint32_t max_pixels = 0;
    uint32_t min_tiles = 0;
    uint32_t max_tiles = 0;
    uint32_t longest_edge = 0;
    uint32_t tile_size = 0;
    float tile_tolerance = 0;  // by what factor an image may exceed max_pixels before it is tiled (LFM2-VL)
    uint32_t filter = 0;       // for resizing, as Pillow counts them: 1 Lanczos, 2 bilinear, 3 bicubic
    bool resizes = true;       // or else images have to come in a size that the encoder takes
    bool has_thumbnail = true;  // whether tiles are followed by the whole image (InternVL, LFM2-VL)
    bool fills_canvas = false;  // whether images are enlarged to as many tiles as there may be (Llama 4)
    PanAndScan pan_and_scan;
};

// What is asked for in place of a processor's own settings: by the server for all images, or by a request for one of them.
struct ProcessorChanges {
    std::optional<uint32_t> min_pixels{};
    std::optional<uint32_t> max_pixels{};
    std::optional<uint32_t> min_tiles{};
    std::optional<uint32_t> max_tiles{};
    std::optional<uint32_t> longest_edge{};
    std::optional<float> tile_tolerance{};
    std::optional<bool> has_thumbnail{};
    std::optional<bool> fills_canvas{};
    std::optional<PanAndScan> pan_and_scan{};
};

ProcessorSettings changed(ProcessorSettings settings, const ProcessorChanges & changes);

// Reads the settings from the header of a projector's GGUF. Throws EngineError model_load_failed for impossible ones.
ProcessorSettings read_processor_settings(const std::string & mmproj_path);

}  // namespace vserve
