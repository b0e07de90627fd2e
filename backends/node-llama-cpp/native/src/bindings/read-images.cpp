#include "bindings/read-images.h"

#include <optional>

#include "bindings/js-values.h"
#include "bindings/task.h"

namespace vserve {

ImagePlacement placement_of(const Napi::Value & value) {
    if (!value.IsObject()) {
        return {};
    }
    const auto object = value.As<Napi::Object>();
    return {text_of(object, "slot"), text_of(object, "before"), text_of(object, "after"), text_of(object, "written"),
            texts_of(object, "spoken")};
}

ProcessorChanges changes_of(const Napi::Value & value) {
    ProcessorChanges changes;
    if (!value.IsObject()) {
        return changes;
    }
    const auto object = value.As<Napi::Object>();
    const auto number = [&object](const char * key) {
        const auto given = object.Get(key);
        return given.IsNumber() ? std::optional<uint32_t>(given.As<Napi::Number>().Uint32Value()) : std::nullopt;
    };
    const auto boolean = [&object](const char * key) {
        const auto given = object.Get(key);
        return given.IsBoolean() ? std::optional<bool>(given.As<Napi::Boolean>().Value()) : std::nullopt;
    };
    changes.min_pixels = number("minPixels");
    changes.max_pixels = number("maxPixels");
    changes.min_tiles = number("minTiles");
    changes.max_tiles = number("maxTiles");
    changes.longest_edge = number("longestEdge");
    if (object.Get("tileTolerance").IsNumber()) {
        changes.tile_tolerance = float_of(object, "tileTolerance");
    }
    changes.has_thumbnail = boolean("hasThumbnail");
    changes.fills_canvas = boolean("fillsCanvas");
    if (object.Get("panAndScan").IsObject()) {
        const auto crops = object.Get("panAndScan").As<Napi::Object>();
        changes.pan_and_scan = PanAndScan{static_cast<uint32_t>(integer_of(crops, "maxCrops")),
                                          static_cast<uint32_t>(integer_of(crops, "minCropSize")),
                                          float_of(crops, "minRatio")};
    }
    return changes;
}

std::vector<Image> images_of(const Napi::Array & array, bool sizes_only) {
    std::vector<Image> images;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto rgb = object.Get("rgb").As<Napi::Uint8Array>();
        images.push_back({rgb.Data(), static_cast<uint32_t>(integer_of(object, "width")),
                          static_cast<uint32_t>(integer_of(object, "height")), text_of(object, "id")});
        images.back().frames = object.Get("frames").IsNumber() ? integer_of(object, "frames") : 1;
        images.back().video_pos = object.Get("videoPosition").IsNumber() ? integer_of(object, "videoPosition") : 0;
        if (object.Get("settings").IsObject()) {
            images.back().changes = changes_of(object.Get("settings"));
        }
        if (const auto encoded = object.Get("encoded"); encoded.IsExternal()) {
            images.back().rgb = nullptr;
            images.back().embeddings = *encoded.As<Napi::External<std::vector<Embeddings>>>().Data();
            continue;
        }
        const auto & image = images.back();
        if (!sizes_only && rgb.ByteLength() != static_cast<size_t>(image.width) * image.height * 3 * image.frames) {
            throw to_js_error(array.Env(), "undecodable", "The image's pixels do not have the size it claims.",
                              static_cast<int>(i));
        }
    }
    return images;
}

}  // namespace vserve
