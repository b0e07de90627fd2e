#include "template-values.h"

#include "error.h"
#include "json.h"  // llama.cpp's

namespace vserve {

namespace {

// The engine walks values recursively, and an attacker chooses how deep they are.
constexpr int most_levels = 100;

jinja::value from_json(const common_json & json, const std::string & what, int level) {
    if (level > most_levels) {
        throw EngineError("invalid_request", what + " are nested more than " + std::to_string(most_levels) + " levels deep.");
    }
    if (json.is_null()) {
        return jinja::mk_val<jinja::value_none>();
    }
    if (json.is_boolean()) {
        return jinja::mk_val<jinja::value_bool>(json.get<bool>());
    }
    if (json.is_number_integer()) {
        return jinja::mk_val<jinja::value_int>(json.get<int64_t>());
    }
    if (json.is_number_float()) {
        return jinja::mk_val<jinja::value_float>(json.get<double>());
    }
    if (json.is_string()) {
        return user_text(json.get<std::string>());
    }
    if (json.is_array()) {
        auto array = jinja::mk_val<jinja::value_array>();
        for (const auto & item : json) {
            array->push_back(from_json(item, what, level + 1));
        }
        return array;
    }
    jinja::value object = jinja::mk_val<jinja::value_object>();
    for (auto entry = json.begin(); entry != json.end(); ++entry) {
        object->insert(user_text(entry.key()), from_json(entry.value(), what, level + 1));
    }
    return object;
}

}  // namespace

jinja::value own_text(const std::string & text) {
    return jinja::mk_val<jinja::value_string>(text);
}

jinja::value user_text(const std::string & text) {
    return jinja::mk_val<jinja::value_string>(jinja::string(text, true));
}

jinja::value object_of(std::initializer_list<std::pair<const char *, jinja::value>> entries) {
    jinja::value object = jinja::mk_val<jinja::value_object>();
    for (const auto & [key, value] : entries) {
        object->insert(own_text(key), value);
    }
    return object;
}

jinja::value user_object(const std::string & json, const std::string & what) {
    const common_json parsed = common_json::parse_no_throw(json);
    if (parsed.is_discarded() || !parsed.is_object()) {
        throw EngineError("invalid_request", what + " must be a JSON object.");
    }
    return from_json(parsed, what, 0);
}

}  // namespace vserve
