#pragma once

#include <string>
#include <vector>

#include "chat.h"
#include "control-strings.h"
#include "image-placement.h"
#include "llama.h"
#include "message.h"
#include "prompt-part.h"

namespace vserve {

// The model's own chat template. Rendering may run on any thread.
class ChatTemplate {
  public:
    // Throws EngineError: model_load_failed.
    ChatTemplate(const llama_model * model, ImagePlacement placement);

    // Renders a conversation. `control` holds what stays text where it is not the template's own. Throws EngineError:
    // chat_template_failed.
    std::vector<Part> render(const std::vector<Message> & messages, size_t n_images, const ControlStrings & control) const;

  private:
    std::string apply(const std::vector<Message> & messages, const std::string & nonce, const ControlStrings & control,
                      std::vector<std::string> & hidden, const char * image_type) const;
    std::string mark_slots(const std::string & rendered, const std::string & nonce, size_t & n_slots) const;

    common_chat_templates_ptr templates_;
    ImagePlacement placement_;
    bool writes_slots_ = false;
};

}  // namespace vserve
