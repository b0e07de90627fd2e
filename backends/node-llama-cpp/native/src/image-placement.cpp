#include "image-placement.h"

namespace vserve {

ImagePlacement ImagePlacement::without_template() const {
    const size_t at = written.find(slot);
    return {slot, written.substr(0, at) + before, after + written.substr(at + slot.size()), written, spoken};
}

}  // namespace vserve
