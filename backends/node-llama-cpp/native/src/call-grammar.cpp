#include "call-grammar.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "json-schema-to-grammar.h"  // llama.cpp's
#include "json.h"

namespace vserve {

common_chat_schema_document_ptr document_of(const std::string & schema) {
    const std::string any = R"({"type": "object", "properties": {}})";
    const std::string & text = schema.empty() || schema == "{}" ? any : schema;
    return std::make_shared<const common_chat_schema_document>(common_chat_schema_from_json(common_json::parse(text)));
}

const common_chat_schema_object * object_in(const common_chat_schema & schema) {
    const common_chat_schema * node = &schema;
    for (int hops = 0; node != nullptr && node->kind() == common_chat_schema::KIND_REF && hops < 16; hops++) {
        node = static_cast<const common_chat_schema_ref *>(node)->target;
    }
    return node != nullptr && node->kind() == common_chat_schema::KIND_OBJECT ? static_cast<const common_chat_schema_object *>(node)
                                                                  : nullptr;
}

CallParser members_of(CallBuilder & p, const common_chat_schema_object & object, const std::string & separator,
                      const std::function<CallParser(const common_chat_schema_property &)> & member,
                      const std::function<bool(const common_chat_schema_property &)> & is_meant) {
    auto required = p.sequence();
    bool has_required = false;
    std::vector<CallParser> optional;
    for (const auto & property : object.properties) {
        if (is_meant && !is_meant(property)) {
            continue;
        }
        if (!property.required) {
            optional.push_back(member(property));
            continue;
        }
        required = has_required ? required + p.literal(separator) + member(property) : member(property);
        has_required = true;
    }
    const auto with_rest = [&](CallParser parser, size_t from) {
        for (size_t i = from; i < optional.size(); i++) {
            parser = parser + p.optional(p.literal(separator) + optional[i]);
        }
        return parser;
    };
    if (has_required) {
        return with_rest(required, 0);
    }
    if (optional.empty()) {
        return p.eps();
    }
    auto first = p.choice();
    for (size_t i = 0; i < optional.size(); i++) {
        first |= with_rest(optional[i], i + 1);
    }
    return p.optional(first);
}

const ArgumentText * argument_text_of(const Tool & tool, const std::string & argument) {
    const auto & texts = tool.argument_texts;
    const auto found = std::find_if(texts.begin(), texts.end(), [&](const ArgumentText & text) { return text.name == argument; });
    return found == texts.end() ? nullptr : &*found;
}

std::string calls_grammar(const std::function<CallParser(CallBuilder &)> & calls) {
    const auto parser = build_chat_peg_parser([&](CallBuilder & p) { return p.rule("tool-calls", calls(p)); });
    return build_grammar([&](const common_grammar_builder & builder) { parser.build_grammar(builder); });
}

}  // namespace vserve
