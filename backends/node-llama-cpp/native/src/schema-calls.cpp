#include "schema-calls.h"

#include <algorithm>
#include <map>
#include <utility>

#include "call-grammar.h"
#include "json.h"  // llama.cpp's

namespace vserve {

namespace {

using Builder = CallBuilder;
using Parser = CallParser;
using Schema = common_chat_schema;
using Document = common_chat_schema_document_ptr;

Parser python_call(Builder & p, const Tool & tool, size_t index) {
    const Document document = document_of(tool.schema.empty() ? tool.parameters : tool.schema);
    const auto * object = object_in(*document->root);
    const auto argument = [&](const common_chat_schema_property & property) {
        const std::string rule = "argument-" + std::to_string(index) + "-" + property.name;
        return p.literal(property.name + "=") + p.schema(p.json(), rule, document, *property.schema);
    };
    const auto arguments = object == nullptr ? p.eps() : members_of(p, *object, ", ", argument);
    return p.rule("function-" + std::to_string(index), p.literal(tool.name + "(") + arguments + p.literal(")"));
}

// Values as Gemma 4 writes them.
class GemmaValues {
  public:
    GemmaValues(Builder & p, const Tool & tool, Document document, std::string rule_prefix)
        : p_(p), document_(std::move(document)), prefix_(std::move(rule_prefix)) {
        for (const auto & value : tool.quoted_values) {
            held_.emplace(value.name, value.gbnf);
        }
        // A name that begins with that of our rules stands for several.
        rule_name_ = tool.rules.substr(0, tool.rules.find_first_of("0123456789"));
    }

    Parser of(const Schema & schema) {
        switch (schema.kind()) {
            case Schema::KIND_REF:
                return of_ref(static_cast<const common_chat_schema_ref &>(schema));
            case Schema::KIND_ANY_OF: {
                auto any = p_.choice();
                for (const auto & child : static_cast<const common_chat_schema_any_of &>(schema).children) {
                    any |= of(*child);
                }
                return any;
            }
            case Schema::KIND_CONST:
                return constant(static_cast<const common_chat_schema_const &>(schema).value);
            case Schema::KIND_ENUM: {
                auto any = p_.choice();
                for (const auto & value : static_cast<const common_chat_schema_enum &>(schema).values) {
                    any |= p_.literal(written(value));
                }
                return any;
            }
            case Schema::KIND_NULL:
            case Schema::KIND_BOOLEAN:
            case Schema::KIND_NUMBER:
            case Schema::KIND_INTEGER:
                return p_.schema(p_.json(), prefix_ + std::to_string(++last_rule_), document_, schema);
            case Schema::KIND_STRING:
                return of_string(static_cast<const common_chat_schema_string &>(schema));
            case Schema::KIND_ARRAY:
                return of_array(static_cast<const common_chat_schema_array &>(schema));
            case Schema::KIND_TUPLE:
                return of_tuple(static_cast<const common_chat_schema_tuple &>(schema));
            case Schema::KIND_OBJECT:
                return of_object(static_cast<const common_chat_schema_object &>(schema));
            default:
                return any();
        }
    }

  private:
    Parser any_text() { return p_.rule("gemma-text", p_.until(gemma_quote)); }
    Parser quoted(const Parser & text) { return p_.literal(gemma_quote) + text + p_.literal(gemma_quote); }

    Parser constant(const common_json & value) {
        const auto found = value.is_string() ? held_.find(value.get<std::string>()) : held_.end();
        return found == held_.end() ? p_.literal(written(value)) : p_.gbnf(p_.eps(), "(" + found->second + ")");
    }

    std::string written(const common_json & value) const {
        if (value.is_string()) {
            return gemma_quote + value.get<std::string>() + gemma_quote;
        }
        std::string text;
        if (value.is_array()) {
            for (const auto & item : value) {
                text += (text.empty() ? "" : ",") + written(item);
            }
            return "[" + text + "]";
        }
        if (value.is_object()) {
            for (const auto & [name, member] : value.items()) {
                text += (text.empty() ? "" : ",") + std::string(name) + ":" + written(member);
            }
            return "{" + text + "}";
        }
        return value.dump();
    }

    Parser of_string(const common_chat_schema_string & schema) {
        if (schema.max_length == 0) {
            return quoted(p_.eps());
        }
        if (schema.max_length > 0) {
            return quoted(p_.chars(character, schema.min_length, schema.max_length));
        }
        return quoted(schema.min_length > 0 ? p_.chars(character, schema.min_length, schema.min_length) + any_text() : any_text());
    }

    Parser list_of(const Parser & item, int least, int most) {
        return p_.literal("[") + members(item, least, most) + p_.literal("]");
    }

    Parser map_of(const Parser & value, int least, int most) {
        const auto member = p_.chars("[^:{},<]", 1, -1) + p_.literal(":") + value;
        return p_.literal("{") + members(member, least, most) + p_.literal("}");
    }

    // Some of one kind, with commas between them; `most` is below 0 for no limit.
    Parser members(const Parser & member, int least, int most) {
        if (most == 0) {
            return p_.eps();
        }
        const auto some = member + p_.repeat(p_.literal(",") + member, least > 0 ? least - 1 : 0, most < 0 ? -1 : most - 1);
        return least > 0 ? some : p_.optional(some);
    }

    Parser of_array(const common_chat_schema_array & array) {
        return list_of(of(*array.items), array.min_items, array.max_items);
    }

    Parser of_tuple(const common_chat_schema_tuple & tuple) {
        auto items = p_.sequence();
        for (size_t i = 0; i < tuple.items.size(); i++) {
            items = i == 0 ? of(*tuple.items[i]) : items + p_.literal(",") + of(*tuple.items[i]);
        }
        return p_.literal("[") + items + p_.literal("]");
    }

    // Names of a form are left out beside others: keys have no quotes that they could stand between.
    Parser of_object(const common_chat_schema_object & object) {
        const auto stands_for_names = [this](const common_chat_schema_property & property) {
            return !rule_name_.empty() && property.name.compare(0, rule_name_.size(), rule_name_) == 0;
        };
        const auto & properties = object.properties;
        if (std::all_of(properties.begin(), properties.end(), stands_for_names)) {
            return of_map(object);
        }
        const auto member = [this](const common_chat_schema_property & property) {
            return p_.literal(property.name + ":") + of(*property.schema);
        };
        const auto is_named = [&](const common_chat_schema_property & property) { return !stands_for_names(property); };
        return p_.literal("{") + members_of(p_, object, ",", member, is_named) + p_.literal("}");
    }

    // An object whose properties have any names.
    Parser of_map(const common_chat_schema_object & object) {
        const auto & properties = object.properties;
        if (properties.empty() && !object.additional_properties) {
            return p_.literal("{}");
        }
        const auto value = of(properties.empty() ? *object.additional_properties : *properties.front().schema);
        const auto is_required = [](const common_chat_schema_property & property) { return property.required; };
        return map_of(value, static_cast<int>(std::count_if(properties.begin(), properties.end(), is_required)),
                      object.additional_properties ? -1 : static_cast<int>(properties.size()));
    }

    // Schemas may contain themselves.
    Parser of_ref(const common_chat_schema_ref & ref) {
        if (ref.target == nullptr) {
            return any();
        }
        const auto [found, is_new] = refs_.emplace(ref.target, prefix_ + "ref-" + std::to_string(refs_.size()));
        const std::string name = found->second;
        return is_new ? p_.rule(name, [&] { return of(*ref.target); }) : p_.ref(name);
    }

    Parser any() {
        return p_.rule("gemma-any", [this] {
            const auto value = p_.ref("gemma-any");
            return p_.choice({quoted(any_text()), p_.json_number(), p_.json_bool(), p_.json_null(), list_of(value, 0, -1),
                              map_of(value, 0, -1)});
        });
    }

    static constexpr const char * character = "[^<\\x00]";

    Builder & p_;
    const Document document_;
    const std::string prefix_;
    std::string rule_name_;
    std::map<std::string, std::string> held_;  // grammars, by the constants that stand for them
    int last_rule_ = 0;
    std::map<const Schema *, std::string> refs_;
};

Parser gemma_call(Builder & p, const Tool & tool, size_t index) {
    const Document document = document_of(tool.schema.empty() ? tool.parameters : tool.schema);
    GemmaValues values(p, tool, document, "argument-" + std::to_string(index) + "-");
    return p.rule("function-" + std::to_string(index), p.literal(tool.name) + values.of(*document->root));
}

using CallOf = Parser (*)(Builder &, const Tool &, size_t);

Parser any_of(Builder & p, const std::vector<Tool> & tools, CallOf call_of) {
    auto any = p.choice();
    for (size_t i = 0; i < tools.size(); i++) {
        any |= call_of(p, tools[i], i);
    }
    return p.rule("function", any);
}

}  // namespace

std::string python_calls_grammar(const std::vector<Tool> & tools, bool in_parallel) {
    return calls_grammar([&](Builder & p) {
        const auto call = any_of(p, tools, python_call);
        return p.literal("<|tool_call_start|>[") + call + p.repeat(p.literal(", ") + call, 0, in_parallel ? -1 : 0) +
               p.literal("]<|tool_call_end|>");
    });
}

std::string gemma_calls_grammar(const std::vector<Tool> & tools, bool in_parallel) {
    return calls_grammar([&](Builder & p) {
        const auto call = p.literal("<|tool_call>call:") + any_of(p, tools, gemma_call) + p.literal("<tool_call|>");
        return p.repeat(call, 1, in_parallel ? -1 : 1);
    });
}

}  // namespace vserve
