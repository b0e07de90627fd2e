#include "image-scope.h"

#include <utility>

namespace vserve {

static thread_local ImageScope * current = nullptr;

ImageScope::ImageScope(std::vector<const ProcessorSettings *> asked)
    : asked_(std::move(asked)), outer_(std::exchange(current, this)) {}

ImageScope::~ImageScope() {
    current = outer_;
}

const ProcessorSettings * ImageScope::next() {
    if (current == nullptr || current->begun_ == current->asked_.size()) {
        return nullptr;
    }
    return current->asked_[current->begun_++];
}

void ImageScope::tell(SeenImage image) {
    if (current != nullptr) {
        current->seen_.push_back(image);
    }
}

}  // namespace vserve
