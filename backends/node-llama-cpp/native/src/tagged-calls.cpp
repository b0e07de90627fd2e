#include "tagged-calls.h"

#include <algorithm>
#include <iterator>

#include "call-grammar.h"
#include "schema-grammar.h"

namespace vserve {

namespace {

// What stands behind a name: a text, or an attribute of some characters within two.
struct Attribute {
    const char * before;
    const char * characters;  // null for none
    const char * after;
};

struct Form {
    const char * known_by;  // in llama.cpp's grammar
    const char * begin;     // of the calls
    const char * between;
    const char * end;
    const char * call_begin;
    Attribute call_name;
    const char * call_end;
    const char * indent;  // that may be before an argument
    const char * argument_begin;
    Attribute argument_name;
    const char * argument_end;
};

constexpr Form forms[] = {
    // Kimi K3
    {"kimi-k3-tool-", "<|open|>tools<|sep|>", "", "<|close|>tools<|sep|>", "<|open|>call tool=\"",
     {"\" index=\"", "[0-9]", "\"<|sep|>"}, "<|close|>call<|sep|>", "", "<|open|>argument key=\"",
     {"\" type=\"", "[a-z]", "\"<|sep|>"}, "<|close|>argument<|sep|>"},
    // Ling 3
    {"ling3-tool-", "", "\n", "", "<tool_call>", {"", nullptr, ""}, "\n</tool_call>", "\n", "<arg_key>",
     {"</arg_key>\n<arg_value>", nullptr, ""}, "</arg_value>"},
    // MiniCPM 5
    {"<param name=", "", "", "", "<function name=\"", {"\">", nullptr, ""}, "</function>", "", "<param name=\"",
     {"\">", nullptr, ""}, "</param>"},
};
constexpr int longest_attribute = 8;

CallParser attribute(CallBuilder & p, const Attribute & given) {
    const auto before = p.literal(given.before);
    return given.characters == nullptr
               ? before
               : before + p.chars(given.characters, 1, longest_attribute) + p.literal(given.after);
}

class TaggedCalls {
  public:
    TaggedCalls(CallBuilder & p, const Form & form) : p_(p), form_(form) {}

    CallParser all(const std::vector<Tool> & tools, bool in_parallel) {
        auto any = p_.choice();
        for (size_t i = 0; i < tools.size(); i++) {
            any |= call(tools[i], std::to_string(i));
        }
        const auto function = p_.rule("function", any);
        const auto more = p_.repeat(p_.literal(form_.between) + function, 0, in_parallel ? -1 : 0);
        return p_.literal(form_.begin) + function + more + p_.literal(form_.end);
    }

  private:
    CallParser call(const Tool & tool, const std::string & number) {
        const auto document = document_of(tool.schema.empty() ? tool.parameters : tool.schema);
        const auto * object = object_in(*document->root);
        size_t last = 0;
        const auto argument = [&](const common_chat_schema_property & property) {
            const std::string rule = "argument-" + number + "-" + std::to_string(++last);
            return indent() + p_.literal(form_.argument_begin + property.name) + attribute(p_, form_.argument_name) +
                   value(argument_text_of(tool, property.name), property, document, rule) + p_.literal(form_.argument_end);
        };
        const auto arguments = object == nullptr ? p_.eps() : members_of(p_, *object, "", argument);
        return p_.rule("function-" + number, p_.literal(form_.call_begin + tool.name) + attribute(p_, form_.call_name) +
                                                 arguments + p_.literal(form_.call_end));
    }

    CallParser indent() { return *form_.indent == 0 ? p_.eps() : p_.optional(p_.literal(form_.indent)); }

    CallParser value(const ArgumentText * text, const common_chat_schema_property & property,
                     const common_chat_schema_document_ptr & document, const std::string & rule) {
        if (text == nullptr && !property.schema->may_be_string()) {
            return p_.schema(p_.json(), rule, document, *property.schema);
        }
        const auto any = p_.rule("any-text", p_.until(form_.argument_end));
        if (text == nullptr) {
            return any;
        }
        const auto held = p_.gbnf(p_.eps(), "(" + text->gbnf + ")");
        return text->is_whole ? held : held + any;
    }

    CallBuilder & p_;
    const Form & form_;
};

}  // namespace

std::string tagged_calls_grammar(const std::string & gbnf, const std::vector<Tool> & tools, bool in_parallel) {
    const auto form = std::find_if(std::begin(forms), std::end(forms), [&gbnf](const Form & one) {
        return gbnf.find(one.known_by) != std::string::npos;
    });
    if (form == std::end(forms)) {
        return "";
    }
    // llama.cpp's parsers read no white space behind an argument.
    return with_fixed_spaces(
        calls_grammar([&](CallBuilder & p) { return TaggedCalls(p, *form).all(tools, in_parallel); }));
}

}  // namespace vserve
