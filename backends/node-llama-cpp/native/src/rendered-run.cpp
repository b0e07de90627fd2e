#include "rendered-run.h"

#include <string_view>

namespace vserve {

std::string text_of(const std::vector<Run> & runs) {
    std::string text;
    for (const auto & run : runs) {
        text += run.text;
    }
    return text;
}

void cut_at(std::vector<Run> & runs, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < runs.size(); i++) {
        if (at + runs[i].text.size() >= length) {
            runs[i].text.resize(length - at);
            runs.resize(i + 1);
            return;
        }
        at += runs[i].text.size();
    }
}

size_t put_images(std::vector<Run> & runs, bool from_user, const FindImage & find) {
    std::vector<Run> placed;
    size_t n_images = 0;
    for (const auto & run : runs) {
        size_t at = 0;
        while (run.from_user == from_user) {
            const auto [begin, length] = find(run.text, at, n_images);
            if (begin == std::string::npos) {
                break;
            }
            placed.push_back({run.text.substr(at, begin - at), run.from_user, -1});
            placed.push_back({"", false, static_cast<int>(n_images++)});
            at = begin + length;
        }
        placed.push_back({run.text.substr(at), run.from_user, -1});
    }
    runs = std::move(placed);
    return n_images;
}

std::string numbered(std::string text, size_t index) {
    const std::string_view number = "{number}";
    const size_t at = text.find(number);
    return at == std::string::npos ? text : text.replace(at, number.size(), std::to_string(index));
}

std::vector<Run> surround_images(const std::vector<Run> & runs, const ImagePlacement & placement) {
    std::vector<Run> result;
    for (const auto & run : runs) {
        if (run.image < 0) {
            result.push_back(run);
            continue;
        }
        result.push_back({numbered(placement.before, run.image), false, -1});
        result.push_back(run);
        result.push_back({numbered(placement.after, run.image), false, -1});
    }
    return result;
}

}  // namespace vserve
