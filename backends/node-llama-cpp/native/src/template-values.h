#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "jinja/value.h"

namespace vserve {

// Text of ours, as the template's own.
jinja::value own_text(const std::string & text);
// Text that came with the request: it keeps that mark through all that a template does with it.
jinja::value user_text(const std::string & text);

jinja::value object_of(std::initializer_list<std::pair<const char *, jinja::value>> entries);

// A value of JSON, its texts and keys marked as the user's. Throws EngineError `invalid_request`, which begins with
// `what`, where it is not the text of an object.
jinja::value user_object(const std::string & json, const std::string & what);

}  // namespace vserve
