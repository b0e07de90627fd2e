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

// How an assistant's message with tool calls is passed to a template.
struct CallForm {
    bool content_as_none = false;    // a content without text
    bool arguments_as_text = false;  // as JSON text instead of an object
    bool apart = false;              // the calls in a message of their own, after that with the text
};

// The form for each kind of content that can stand beside the calls.
struct CallForms {
    CallForm beside_none;   // null, or absent
    CallForm beside_empty;  // "", or white space
    CallForm beside_text;

    const CallForm & of(const Message & message) const;
};

// The form in which messages are passed to a template.
struct MessageForm {
    ContentForm content;
    CallForm calls;
    bool images_as_text;  // as marks in the text instead of typed parts
    std::string nonce;    // unpredictable prefix of every mark
};

// The mark of an image that is passed as text.
std::string image_mark(const std::string & nonce, size_t index);

// Whether a message has more than white space to say.
bool has_text(const Message & message);

// Appends a message to a list as templates for transformers expect it; as two, where its tool calls stand apart. `end` is
// appended to its text. Throws EngineError: invalid_request.
void push_message(jinja::value_array_t & list, const Message & message, const MessageForm & form, const std::string & end);

// The tools as OpenAI's API has them, or none. `whole`: with a description and parameters also where there are none, for
// templates that cannot do without. Throws EngineError: invalid_request.
jinja::value tools_value(const std::vector<Tool> & tools, bool whole);

// Gives each tool call an id of nine letters and digits, and its result the same: its own, if it is one.
void shorten_call_ids(std::vector<Message> & messages);

// Merges each system message into the user message after it, for templates that would drop or reject it.
std::vector<Message> fold_system_messages(const std::vector<Message> & messages);

}  // namespace vserve
