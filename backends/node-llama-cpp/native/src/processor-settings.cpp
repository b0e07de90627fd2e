#include "processor-settings.h"

#include <cmath>
#include <memory>

#include "error.h"
#include "gguf.h"

namespace vserve {

namespace {

// More tiles than any model has. All grids of that many tiles are tried for an image.
constexpr uint32_t most_tiles = 1024;
constexpr uint32_t most_pixels_on_side = 65536;
constexpr uint32_t bicubic = 3;

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;

[[noreturn]] void refuse(const std::string & key, const std::string & wanted) {
    throw EngineError("model_load_failed", "The vision projector says " + key + ", which must be " + wanted +
                                               ". Convert the checkpoint again.");
}

// 0 for a missing key. Throws EngineError for values outside 1 to `most`.
uint32_t read_number(const gguf_context * header, const char * key, uint32_t most = UINT32_MAX) {
    const int64_t id = gguf_find_key(header, key);
    if (id < 0 || gguf_get_kv_type(header, id) != GGUF_TYPE_UINT32) {
        return 0;
    }
    const uint32_t value = gguf_get_val_u32(header, id);
    if (value < 1 || value > most) {
        refuse(std::string(key) + " " + std::to_string(value), "1 to " + std::to_string(most));
    }
    return value;
}

bool read_switch(const gguf_context * header, const char * key, bool otherwise) {
    const int64_t id = gguf_find_key(header, key);
    return id < 0 || gguf_get_kv_type(header, id) != GGUF_TYPE_BOOL ? otherwise : gguf_get_val_bool(header, id);
}

float read_factor(const gguf_context * header, const char * key) {
    const int64_t id = gguf_find_key(header, key);
    if (id < 0 || gguf_get_kv_type(header, id) != GGUF_TYPE_FLOAT32) {
        return 0;
    }
    const float value = gguf_get_val_f32(header, id);
    if (!std::isfinite(value) || value <= 0) {
        refuse(std::string(key) + " " + std::to_string(value), "a positive number");
    }
    return value;
}

PanAndScan read_pan_and_scan(const gguf_context * header) {
    PanAndScan settings;
    settings.max_crops = read_number(header, "vserve.image.pan_and_scan_max_crops", most_tiles);
    settings.min_crop_size = read_number(header, "vserve.image.pan_and_scan_min_crop_size", most_pixels_on_side);
    settings.min_ratio = read_factor(header, "vserve.image.pan_and_scan_min_ratio");
    if (settings.max_crops > 0 && (settings.min_crop_size == 0 || settings.min_ratio == 0)) {
        refuse("vserve.image.pan_and_scan_max_crops without the least size of a crop or the least ratio of an image's sides",
               "beside them");
    }
    return settings;
}

}  // namespace

ProcessorSettings changed(ProcessorSettings settings, const ProcessorChanges & changes) {
    settings.min_pixels = changes.min_pixels.value_or(settings.min_pixels);
    settings.max_pixels = changes.max_pixels.value_or(settings.max_pixels);
    settings.min_tiles = changes.min_tiles.value_or(settings.min_tiles);
    settings.max_tiles = changes.max_tiles.value_or(settings.max_tiles);
    settings.longest_edge = changes.longest_edge.value_or(settings.longest_edge);
    settings.tile_tolerance = changes.tile_tolerance.value_or(settings.tile_tolerance);
    settings.has_thumbnail = changes.has_thumbnail.value_or(settings.has_thumbnail);
    settings.fills_canvas = changes.fills_canvas.value_or(settings.fills_canvas);
    settings.pan_and_scan = changes.pan_and_scan.value_or(settings.pan_and_scan);
    return settings;
}

ProcessorSettings read_processor_settings(const std::string & mmproj_path) {
    const Header header(gguf_init_from_file(mmproj_path.c_str(), {/*.no_alloc=*/true, /*.ctx=*/nullptr}), gguf_free);
    ProcessorSettings settings;
    if (!header) {
        return settings;  // mtmd says what is wrong with the file
    }
    settings.min_pixels = read_number(header.get(), "clip.vision.image_min_pixels");
    settings.max_pixels = read_number(header.get(), "clip.vision.image_max_pixels");
    settings.min_tiles = read_number(header.get(), "clip.vision.preproc_min_tiles", most_tiles);
    settings.max_tiles = read_number(header.get(), "clip.vision.preproc_max_tiles", most_tiles);
    settings.longest_edge = read_number(header.get(), "clip.vision.preproc_image_size", most_pixels_on_side);
    settings.tile_size = read_number(header.get(), "vserve.image.tile_size", most_pixels_on_side);
    settings.tile_tolerance = read_factor(header.get(), "vserve.image.tile_tolerance");
    settings.filter = read_number(header.get(), "vserve.image.resample", bicubic);
    settings.resizes = read_switch(header.get(), "vserve.image.resize", true);
    settings.has_thumbnail = read_switch(header.get(), "vserve.image.thumbnail", true);
    settings.fills_canvas = read_switch(header.get(), "vserve.image.fill_canvas", false);
    settings.pan_and_scan = read_pan_and_scan(header.get());
    return settings;
}

}  // namespace vserve
