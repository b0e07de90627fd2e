#pragma once

#include <string>

#include "jinja/value.h"
#include "message.h"

namespace vserve {

// The forms of message content that a template accepts for a role.
struct ContentForm {
    bool takes_text = true;    // as one string
    bool takes_parts = false;  // as a list of parts
    bool keeps_parts = false;  // and keeps several texts in that list intact
};

// The form in which messages are passed to a template.
struct MessageForm {
    ContentForm content;
    bool images_as_text;  // as marks in the text instead of typed parts
    std::string nonce;    // unpredictable prefix of every mark
};

// The mark of an image that is passed as text.
std::string image_mark(const std::string & nonce, size_t index);

// A message as templates for transformers expect it. `end` is appended to its text. Throws EngineError:
// invalid_request.
jinja::value message_value(const Message & message, const MessageForm & form, const std::string & end);

// Merges each system message into the user message after it, for templates that would drop or reject it.
std::vector<Message> fold_system_messages(const std::vector<Message> & messages);

}  // namespace vserve
