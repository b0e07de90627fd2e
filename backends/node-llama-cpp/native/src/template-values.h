#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "jinja/value.h"

namespace vserve {

// Text that counts as the template's own.
jinja::value own_text(const std::string & text);
// Text that came with the request. The mark survives whatever the template does with the text.
jinja::value user_text(const std::string & text);

jinja::value object_of(std::initializer_list<std::pair<const char *, jinja::value>> entries);

// A JSON object, with its strings and keys marked as the user's. Throws EngineError: invalid_request, with `what` as the
// subject of the message.
jinja::value user_object(const std::string & json, const std::string & what);

}  // namespace vserve
