#include "schema-calls.h"

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
    GemmaValues(Builder & p, Document document, std::string rule_prefix)
        : p_(p), document_(std::move(document)), prefix_(std::move(rule_prefix)) {}

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
                return literal(static_cast<const common_chat_schema_const &>(schema).value);
            case Schema::KIND_ENUM: {
                auto any = p_.choice();
                for (const auto & value : static_cast<const common_chat_schema_enum &>(schema).values) {
                    any |= literal(value);
                }
                return any;
            }
            case Schema::KIND_NULL:
            case Schema::KIND_BOOLEAN:
            case Schema::KIND_NUMBER:
            case Schema::KIND_INTEGER:
                return p_.schema(p_.json(), prefix_ + std::to_string(++last_rule_), document_, schema);
            case Schema::KIND_STRING:
                return text();
            case Schema::KIND_ARRAY:
                return of_array(static_cast<const common_chat_schema_array &>(schema));
            case Schema::KIND_OBJECT:
                return of_object(static_cast<const common_chat_schema_object &>(schema));
            default:
                return any();
        }
    }

    // `text`: what the argument may be, where that is not any value of its type. It does not tell which of several types
    // have quotes.
    Parser of_argument(const Schema & schema, const ArgumentText * text) {
        const auto types = schema.value_types();
        const bool is_text = types.is_only(Schema::TYPE_STRING);
        if (text == nullptr || (!is_text && types.has(Schema::TYPE_STRING))) {
            return of(schema);
        }
        const auto held = p_.gbnf(p_.eps(), "(" + text->gbnf + ")");
        if (!is_text) {
            return held;
        }
        const auto rest = text->is_whole ? p_.eps() : any_text();
        return p_.literal(quote) + held + rest + p_.literal(quote);
    }

    Parser of_object(const common_chat_schema_object & object) {
        if (object.properties.empty() && object.additional_properties) {
            return map_of([&] { return of(*object.additional_properties); });
        }
        const auto member = [this](const common_chat_schema_property & property) {
            return p_.literal(property.name + ":") + of(*property.schema);
        };
        return p_.literal("{") + members_of(p_, object, ",", member) + p_.literal("}");
    }

  private:
    static constexpr const char * quote = "<|\"|>";

    Parser any_text() { return p_.rule("gemma-text", p_.until(quote)); }
    Parser text() { return p_.literal(quote) + any_text() + p_.literal(quote); }

    Parser literal(const common_json & value) {
        return p_.literal(value.is_string() ? quote + value.get<std::string>() + quote : value.dump());
    }

    Parser list_of(const Parser & item, int least, int most) {
        const auto more = p_.repeat(p_.literal(",") + item, least > 0 ? least - 1 : 0, most < 0 ? -1 : most - 1);
        const auto items = most == 0 ? p_.eps() : item + more;
        return p_.literal("[") + (least > 0 ? items : p_.optional(items)) + p_.literal("]");
    }

    Parser map_of(const std::function<Parser()> & value) {
        const auto member = p_.chars("[^:{},<]", 1, -1) + p_.literal(":") + value();
        return p_.literal("{") + p_.optional(member + p_.zero_or_more(p_.literal(",") + member)) + p_.literal("}");
    }

    Parser of_array(const common_chat_schema_array & array) {
        return list_of(of(*array.items), array.min_items, array.max_items);
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
            return p_.choice({text(), p_.json_number(), p_.json_bool(), p_.json_null(), list_of(value, 0, -1),
                              map_of([&] { return value; })});
        });
    }

    Builder & p_;
    const Document document_;
    const std::string prefix_;
    int last_rule_ = 0;
    std::map<const Schema *, std::string> refs_;
};

Parser gemma_call(Builder & p, const Tool & tool, size_t index) {
    const Document document = document_of(tool.parameters);
    const auto * object = object_in(*document->root);
    GemmaValues values(p, document, "argument-" + std::to_string(index) + "-");
    const auto argument = [&](const common_chat_schema_property & property) {
        return p.literal(property.name + ":") +
               values.of_argument(*property.schema, argument_text_of(tool, property.name));
    };
    const auto arguments = object == nullptr            ? p.literal("{}")
                           : object->properties.empty() ? values.of_object(*object)
                                                        : p.literal("{") + members_of(p, *object, ",", argument) + p.literal("}");
    return p.rule("function-" + std::to_string(index), p.literal(tool.name) + arguments);
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
