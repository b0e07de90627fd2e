#include "tagged-arguments.h"

#include <algorithm>
#include <map>
#include <variant>

#include "grammar-lines.h"
#include "json.h"  // llama.cpp's

namespace vserve {

namespace {

// Of arguments that may be left out: those may come in any order, which takes a rule for each set of them.
constexpr size_t most_in_any_order = 5;
// From one reference to the next.
constexpr int most_hops = 64;

// As llama.cpp names rules.
std::string rule_name(const std::string & text) {
    std::string name;
    for (const char character : text) {
        const bool is_plain = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
                              (character >= '0' && character <= '9') || character == '-';
        if (is_plain) {
            name += character;
        } else if (name.empty() || name.back() != '\0') {
            name += '\0';
        }
    }
    std::replace(name.begin(), name.end(), '\0', '-');
    return name;
}

// The text that ends what is read up to it, in the parser of an argument; empty where there is none.
std::string end_of_text(const common_peg_arena & parser, common_peg_parser_id id) {
    const auto & node = parser.get(id);
    const auto in = [&](common_peg_parser_id child) { return end_of_text(parser, child); };
    const auto in_any = [&](const std::vector<common_peg_parser_id> & children) {
        std::string end;
        for (size_t i = 0; i < children.size() && end.empty(); i++) {
            end = in(children[i]);
        }
        return end;
    };
    if (const auto * ac = std::get_if<common_peg_ac_parser>(&node)) {
        return ac->delimiters.size() == 1 ? ac->delimiters.front() : "";
    }
    if (const auto * sequence = std::get_if<common_peg_sequence_parser>(&node)) {
        return in_any(sequence->children);
    }
    if (const auto * choice = std::get_if<common_peg_choice_parser>(&node)) {
        return in_any(choice->children);
    }
    if (const auto * rule = std::get_if<common_peg_rule_parser>(&node)) {
        return in(rule->child);
    }
    if (const auto * ref = std::get_if<common_peg_ref_parser>(&node)) {
        return parser.has_rule(ref->name) ? in(parser.get_rule(ref->name)) : "";
    }
    if (const auto * tag = std::get_if<common_peg_tag_parser>(&node)) {
        return in(tag->child);
    }
    if (const auto * atomic = std::get_if<common_peg_atomic_parser>(&node)) {
        return in(atomic->child);
    }
    const auto * gbnf = std::get_if<common_peg_gbnf_parser>(&node);
    return gbnf != nullptr ? in(gbnf->child) : "";
}

// Where the last name of a rule in a body begins and ends; an empty range where there is none.
std::pair<size_t, size_t> last_name_in(const std::string & body) {
    std::pair<size_t, size_t> last{0, 0};
    for (size_t at = 0; at < body.size();) {
        if (body[at] == '"') {
            for (at++; at < body.size() && body[at] != '"'; at++) {
                at += body[at] == '\\' ? 1 : 0;
            }
            at++;
            continue;
        }
        const size_t end = std::min(body.find_first_of(" ()\"", at), body.size());
        if (end > at) {
            last = {at, end};
        }
        at = std::max(end, at + (end == at ? 1 : 0));
    }
    return last;
}

class ToolRules {
  public:
    ToolRules(GrammarLines & lines, const common_peg_arena & parser, const Tool & tool)
        : lines_(lines), parser_(parser), tool_(tool), prefix_("tool-" + tool.name) {}

    void hold() {
        for (const auto & argument : tool_.argument_texts) {
            hold(argument);
        }
        limit_optional();
    }

  private:
    std::string * body_of(const std::string & name) const {
        return parser_.has_rule(name) ? lines_.body_of(rule_name(name)) : nullptr;
    }

    void hold(const ArgumentText & argument) {
        const std::string name = prefix_ + "-arg-" + argument.name;
        std::string * body = body_of(name);
        if (body == nullptr) {
            return;
        }
        const auto [begin, end] = last_name_in(*body);
        if (begin == end) {
            return;
        }
        const std::string value = body->substr(begin, end - begin);
        std::string text = "(" + argument.gbnf + ")";
        if (!argument.is_whole) {
            text += " " + value;
        } else if (end == body->size()) {  // its end is a part of it
            const std::string tag = end_of_text(parser_, parser_.get_rule(name));
            if (tag.empty()) {
                return;
            }
            text += " " + gbnf_literal(tag);
        }
        body->replace(begin, end - begin, text);
    }

    // `(a | b)*`, with a space before each or not.
    void limit_optional() {
        const auto names = optional_names();
        std::string * body = body_of(prefix_);
        if (body == nullptr || names.empty()) {
            return;
        }
        std::string any = names.front();
        for (size_t i = 1; i < names.size(); i++) {
            any += " | " + names[i];
        }
        const std::vector<std::pair<std::string, std::string>> forms{{"(space (" + any + "))*", "space "},
                                                                     {"(space " + any + ")*", "space "},
                                                                     {"(" + any + ")*", ""},
                                                                     {any + "*", ""}};
        for (const auto & [form, before] : forms) {
            const size_t at = body->find(form);
            if (at != std::string::npos) {
                body->replace(at, form.size(), each_once(names, before));
                return;
            }
        }
    }

    // Rules of those that the tool does not require, in the order of its schema.
    std::vector<std::string> optional_names() const {
        std::vector<std::string> names;
        const auto schema = common_json::parse_no_throw(tool_.parameters);
        if (schema.is_discarded() || !schema.is_object() || !schema.contains("properties")) {
            return names;
        }
        std::vector<std::string> required;
        if (schema.contains("required") && schema.at("required").is_array()) {
            for (const auto & name : schema.at("required")) {
                required.push_back(name.is_string() ? name.get<std::string>() : "");
            }
        }
        for (const auto & [name, _] : schema.at("properties").items()) {
            const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
            if (!is_required && parser_.has_rule(prefix_ + "-arg-" + name)) {
                names.push_back(rule_name(prefix_ + "-arg-" + name));
            }
        }
        return names;
    }

    std::string each_once(const std::vector<std::string> & names, const std::string & before) {
        if (names.size() > most_in_any_order) {
            std::string result;
            for (const auto & name : names) {
                result += (result.empty() ? "(" : " (") + before + name + ")?";
            }
            return result;
        }
        const auto rule_of = [this](size_t left) { return rule_name(prefix_ + "-optional-" + std::to_string(left)); };
        for (size_t left = 1; left < size_t{1} << names.size(); left++) {
            std::string body;
            for (size_t i = 0; i < names.size(); i++) {
                const size_t then = left & ~(size_t{1} << i);
                if (then != left) {
                    body += (body.empty() ? "" : " | ") + before + names[i] + (then == 0 ? "" : " " + rule_of(then));
                }
            }
            lines_.add(rule_of(left), "(" + body + ")?");
        }
        return rule_of((size_t{1} << names.size()) - 1);
    }

    GrammarLines & lines_;
    const common_peg_arena & parser_;
    const Tool & tool_;
    const std::string prefix_;
};

// Whether a rewritten schema is of no string, so that its values are JSON. What it refers to is in `definitions`.
bool is_json(const common_json & schema, const common_json & definitions, int hops = 0) {
    if (!schema.is_object() || hops > most_hops) {
        return false;
    }
    if (schema.contains("$ref")) {
        const auto pointer = schema.at("$ref").get<std::string>();
        const auto name = pointer.substr(pointer.rfind('/') + 1);
        return definitions.contains(name) && is_json(definitions.at(name), definitions, hops + 1);
    }
    if (schema.contains("anyOf")) {
        const auto & any = schema.at("anyOf");
        return std::all_of(any.begin(), any.end(),
                           [&](const common_json & one) { return is_json(one, definitions, hops + 1); });
    }
    return schema.contains("type") && schema.at("type").is_string() && schema.at("type").get<std::string>() != "string";
}

}  // namespace

std::string parameters_between_tags(const Tool & tool) {
    auto parameters = common_json::parse_no_throw(tool.parameters);
    const auto schema = common_json::parse_no_throw(tool.schema);
    const auto has_properties = [](const common_json & object) {
        return !object.is_discarded() && object.is_object() && object.contains("properties");
    };
    if (!has_properties(parameters) || !has_properties(schema)) {
        return tool.parameters;
    }
    const auto definitions = schema.contains("$defs") ? common_json(schema.at("$defs")) : common_json::object();
    for (const auto & [name, property] : schema.at("properties").items()) {
        if (parameters.at("properties").contains(name) && is_json(property, definitions)) {
            parameters["properties"][name] = property;
        }
    }
    for (const auto & [name, definition] : definitions.items()) {
        parameters["$defs"][name] = definition;
    }
    return parameters.dump();
}

// llama.cpp's parser reads no white space there.
static void end_calls_at_once(GrammarLines & lines) {
    std::string * body = lines.body_of("tool-call");
    const std::string space = " space ";
    for (size_t at = 0; body != nullptr && (at = body->find(space + "\"</", at)) != std::string::npos;) {
        body->replace(at, space.size(), " ");
    }
}

std::string hold_tagged_arguments(const std::string & gbnf, const common_peg_arena & parser, const std::vector<Tool> & tools) {
    GrammarLines lines(gbnf);
    if (gbnf.find("-arg-") != std::string::npos) {
        end_calls_at_once(lines);
    }
    for (const Tool & tool : tools) {
        ToolRules(lines, parser, tool).hold();
    }
    return lines.text();
}

}  // namespace vserve
