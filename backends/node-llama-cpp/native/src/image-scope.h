#pragma once

#include <cstddef>
#include <vector>

#include "processor-settings.h"

namespace vserve {

// What became of an image, or of a crop of one: the size that the encoder sees all of it in, and in how many tiles (0 for an
// image that is not cut).
struct SeenImage {
    int width = 0;
    int height = 0;
    int tiles = 0;
};

// While it lives, how the images that mtmd prepares on this thread are to be prepared, one after the other, and what became
// of them: mtmd's interface has room for neither.
class ImageScope {
  public:
    // Of each image, in the order in which they are prepared. The settings must outlive it.
    explicit ImageScope(std::vector<const ProcessorSettings *> asked);
    ~ImageScope();
    ImageScope(const ImageScope &) = delete;
    ImageScope & operator=(const ImageScope &) = delete;

    // Of the images that were prepared so far. Fewer where mtmd prepares them in its own way.
    const std::vector<SeenImage> & seen() const { return seen_; }

    // For the processor: the settings of the next image; null outside of a scope.
    static const ProcessorSettings * next();
    static void tell(SeenImage image);

  private:
    std::vector<const ProcessorSettings *> asked_;
    size_t begun_ = 0;
    std::vector<SeenImage> seen_;
    ImageScope * outer_;
};

}  // namespace vserve
