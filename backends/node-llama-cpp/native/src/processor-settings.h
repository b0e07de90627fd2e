#pragma once

#include <cstdint>
#include <string>

namespace vserve {

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
};

// Reads the settings from the header of a projector's GGUF. Throws EngineError model_load_failed for impossible ones.
ProcessorSettings read_processor_settings(const std::string & mmproj_path);

}  // namespace vserve
