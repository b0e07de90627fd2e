#pragma once

#include <string>

#include "jinja/value.h"
#include "message.h"

namespace vserve {

// How a template takes the content of a role's messages.
struct ContentForm {
    bool takes_text = true;    // as one string
    bool takes_parts = false;  // as a list of parts
    bool keeps_parts = false;  // and several texts in that list stay whole
};

// How a template is given messages.
struct MessageForm {
    ContentForm content;
    bool images_as_text;  // as a mark in the text, instead of as parts of their own type
    std::string nonce;    // begins every mark: nobody can foresee it
};

// Stands in the rendered text for an image that a template was given as text.
std::string image_mark(const std::string & nonce, size_t index);

// A message as transformers' templates expect it. `end` is appended to its last text. Throws EngineError:
// invalid_request.
jinja::value message_value(const Message & message, const MessageForm & form, const std::string & end);

// Gives each system message to the user message after it, for a template that would drop or refuse it.
std::vector<Message> fold_system_messages(const std::vector<Message> & messages);

}  // namespace vserve
