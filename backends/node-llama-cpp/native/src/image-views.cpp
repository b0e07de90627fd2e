#include "image-views.h"

#include <utility>

namespace vserve {

namespace {

Run written(const std::string & text) {
    return {text, false, -1};
}

// The runs of an image with crops. The placement's text stands round it already.
void add_crops(std::vector<Run> & runs, int first_crop, int n_crops, const ImagePlacement & placement) {
    runs.push_back(written(" and here are some crops to help you see better "));
    for (int i = 0; i < n_crops; i++) {
        runs.push_back(written((i == 0 ? "" : " ") + placement.before));
        runs.push_back({"", false, first_crop + i});
        runs.push_back(written(placement.after));
    }
}

}  // namespace

std::vector<ImageView> show_views(std::vector<Run> & runs, const std::vector<ImageSize> & images,
                                  const ImagePlacement & placement, const std::vector<ProcessorSettings> & settings) {
    std::vector<ImageView> views;
    std::vector<std::pair<int, int>> range_of;  // the first of an image's views, and the number of crops after it
    for (size_t image = 0; image < images.size(); image++) {
        const auto crops = views_of(images[image], settings[image].pan_and_scan);
        range_of.push_back({static_cast<int>(views.size()), static_cast<int>(crops.size()) - 1});
        for (const auto & crop : crops) {
            views.push_back({image, crop});
        }
    }
    std::vector<Run> shown;
    int cropped = -1;  // the image whose text after it is still to come
    for (auto & run : runs) {
        if (run.image < 0) {
            shown.push_back(std::move(run));
            if (cropped >= 0) {
                const auto [first, n_crops] = range_of[std::exchange(cropped, -1)];
                add_crops(shown, first + 1, n_crops, placement);
            }
            continue;
        }
        const auto [first, n_crops] = range_of[run.image];
        if (n_crops > 0) {
            shown.insert(shown.empty() ? shown.end() : shown.end() - 1, written("Here is the original image "));
            cropped = run.image;
        }
        shown.push_back({"", false, first});
    }
    if (cropped >= 0) {
        add_crops(shown, range_of[cropped].first + 1, range_of[cropped].second, placement);
    }
    runs = std::move(shown);
    return views;
}

}  // namespace vserve
