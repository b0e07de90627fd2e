#include "chat-template.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string_view>

#include "error.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"
#include "template-values.h"

namespace vserve {

namespace {

// For a model without a template, as llama.cpp and vLLM have it.
constexpr const char * chatml =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// Nobody can foresee it: what it marks in the rendered text was put there by us.
std::string random_nonce() {
    std::random_device random;
    std::string nonce = "vserve:";
    for (int word = 0; word < 4; word++) {
        char hex[9];
        std::snprintf(hex, sizeof(hex), "%08x", random());
        nonce += hex;
    }
    return nonce + ":";
}

// Stands in the rendered prompt for an image that is given to the template as text.
std::string image_mark(const std::string & nonce, size_t index) {
    return nonce + std::to_string(index) + ";";
}

// What stands round an image, with its number where some models have it.
std::string numbered(std::string text, size_t index) {
    const std::string_view number = "{number}";
    const size_t at = text.find(number);
    return at == std::string::npos ? text : text.replace(at, number.size(), std::to_string(index));
}

// What the template itself said, or else what went wrong in it, out of llama.cpp's report of where that was.
std::string template_reason(const std::string & report) {
    for (const std::string mark : {"Jinja Exception: ", "Error: "}) {
        const size_t begin = report.rfind(mark);
        if (begin != std::string::npos) {
            const std::string reason = report.substr(begin + mark.size());
            return reason.substr(0, reason.find('\n'));
        }
    }
    return report;
}

[[noreturn]] void refuse(const std::string & reason) {
    throw EngineError("chat_template_failed", "The model's chat template refused the conversation: " + reason);
}

std::string text_of(const std::vector<Run> & runs) {
    std::string text;
    for (const auto & run : runs) {
        text += run.text;
    }
    return text;
}

void cut_at(std::vector<Run> & runs, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < runs.size(); i++) {
        if (at + runs[i].text.size() >= length) {
            runs[i].text.resize(length - at);
            runs.resize(i + 1);
            return;
        }
        at += runs[i].text.size();
    }
}

// Ends the runs where the last message does, as transformers' continue_final_message: `mark` and a space were written at
// the end of it, and a template that takes the space away trims the message.
void leave_open(std::vector<Run> & runs, const std::string & mark) {
    const std::string text = text_of(runs);
    size_t end = text.rfind(mark);
    if (end == std::string::npos) {
        refuse("it drops the end of the last message, which is to be continued.");
    }
    if (text.compare(end + mark.size(), 1, " ") != 0) {
        while (end > 0 && std::string_view(" \t\r\n\v\f").find(text[end - 1]) != std::string::npos) {
            end--;
        }
    }
    cut_at(runs, end);
}

// Cuts the runs of one origin at what `find` finds in them, and puts images there, in order. Returns their number.
template <typename Find>
size_t put_images(std::vector<Run> & runs, bool from_user, const Find & find) {
    std::vector<Run> placed;
    size_t n_images = 0;
    for (const auto & run : runs) {
        size_t at = 0;
        while (run.from_user == from_user) {
            const auto [begin, length] = find(run.text, at, n_images);
            if (begin == std::string::npos) {
                break;
            }
            placed.push_back({run.text.substr(at, begin - at), run.from_user, -1});
            placed.push_back({"", false, static_cast<int>(n_images++)});
            at = begin + length;
        }
        placed.push_back({run.text.substr(at), run.from_user, -1});
    }
    runs = std::move(placed);
    return n_images;
}

// Writes what stands round the images.
std::vector<Run> surround(const std::vector<Run> & runs, const ImagePlacement & placement) {
    std::vector<Run> result;
    for (const auto & run : runs) {
        if (run.image < 0) {
            result.push_back(run);
            continue;
        }
        result.push_back({numbered(placement.before, run.image), false, -1});
        result.push_back(run);
        result.push_back({numbered(placement.after, run.image), false, -1});
    }
    return result;
}

jinja::value object_of(std::initializer_list<std::pair<const char *, jinja::value>> entries) {
    jinja::value object = jinja::mk_val<jinja::value_object>();
    for (const auto & [key, value] : entries) {
        object->insert(own_text(key), value);
    }
    return object;
}

jinja::value tool_calls_of(const Message & message) {
    auto calls = jinja::mk_val<jinja::value_array>();
    for (const auto & call : message.tool_calls) {
        const std::string what = "The arguments of the tool call " + call.name;
        calls->push_back(object_of({{"id", user_text(call.id)},
                                    {"type", own_text("function")},
                                    {"function", object_of({{"name", user_text(call.name)},
                                                            {"arguments", user_object(call.arguments, what)}})}}));
    }
    return calls;
}

}  // namespace

// What one rendering is made of.
struct ChatTemplate::Rendering {
    const Conversation & conversation;
    Images images;
    std::string nonce;
    // Of the last messages with this role, in a probe.
    std::string probed_role{};
    ContentForm probed_form{};

    jinja::value content_of(const Message & message, const ContentForm & form, const std::string & end) const;
    jinja::value message_of(const Message & message, const ContentForm & form, const std::string & end) const;
};

// Texts that follow one another are joined where the template would lose some, or glue them together. They were parts of
// their own: a line break is between them, as vLLM and llama-server have it.
static std::vector<MessagePart> joined(const std::vector<MessagePart> & parts) {
    std::vector<MessagePart> result;
    for (const auto & part : parts) {
        if (part.image >= 0 || result.empty() || result.back().image >= 0) {
            result.push_back(part);
        } else {
            result.back().text += "\n" + part.text;
        }
    }
    return result;
}

// `end` is written behind the last text.
jinja::value ChatTemplate::Rendering::content_of(const Message & message, const ContentForm & form,
                                                 const std::string & end) const {
    std::vector<MessagePart> parts = form.keeps_parts ? message.parts : joined(message.parts);
    const bool has_images =
        std::any_of(parts.begin(), parts.end(), [](const auto & part) { return part.image >= 0; });
    if (!end.empty()) {
        const auto last = std::find_if(parts.rbegin(), parts.rend(), [](const auto & part) { return part.image < 0; });
        if (last != parts.rend()) {
            last->text += end;
        } else {
            parts.push_back({end, -1});
        }
    }
    if (parts.empty()) {
        parts.push_back({"", -1});
    }
    const bool one_text = images == Images::as_text || !has_images;
    if (one_text && form.takes_text && (parts.size() == 1 || has_images || !form.keeps_parts)) {
        std::string text;
        for (const auto & part : parts) {
            text += part.image >= 0 ? image_mark(nonce, part.image) : part.text;
        }
        return user_text(text);
    }
    auto list = jinja::mk_val<jinja::value_array>();
    for (const auto & part : parts) {
        if (part.image >= 0 && images == Images::typed) {
            list->push_back(object_of({{"type", own_text("image")}}));
        } else {
            const std::string text = part.image >= 0 ? image_mark(nonce, part.image) : part.text;
            list->push_back(object_of({{"type", own_text("text")}, {"text", user_text(text)}}));
        }
    }
    return list;
}

jinja::value ChatTemplate::Rendering::message_of(const Message & message, const ContentForm & form,
                                                 const std::string & end) const {
    jinja::value object =
        object_of({{"role", own_text(message.role)}, {"content", content_of(message, form, end)}});
    if (message.name) {
        object->insert(own_text("name"), user_text(*message.name));
    }
    if (message.reasoning) {
        object->insert(own_text("reasoning_content"), user_text(*message.reasoning));
    }
    if (!message.tool_calls.empty()) {
        object->insert(own_text("tool_calls"), tool_calls_of(message));
    }
    if (message.tool_call_id) {
        object->insert(own_text("tool_call_id"), user_text(*message.tool_call_id));
    }
    return object;
}

ChatTemplate::ChatTemplate(const std::string & source, Variables special_tokens, ImagePlacement placement)
    : special_tokens_(std::move(special_tokens)), placement_(std::move(placement)) {
    try {
        jinja::lexer lexer;
        auto tokens = lexer.tokenize(source);
        source_ = tokens.source;
        program_ = std::make_unique<jinja::program>(jinja::parse_from_tokens(tokens));
    } catch (const std::exception & error) {
        throw EngineError("model_load_failed", std::string("The model's chat template could not be read: ") + error.what());
    }
    writes_slots_ = !placement_.slot.empty() && source.find(placement_.slot) != std::string::npos;
    // Each probe needs the forms of those before it.
    for (const char * role : {"user", "assistant", "system", "tool"}) {
        forms_.emplace_back(role, probe(role));
    }
}

ChatTemplate::~ChatTemplate() = default;

std::unique_ptr<ChatTemplate> ChatTemplate::of_model(const llama_model * model, ImagePlacement placement) {
    const char * source = llama_model_chat_template(model, nullptr);
    const llama_vocab * vocab = llama_model_get_vocab(model);
    Variables special_tokens;
    for (const auto & [name, token] : {std::pair("bos_token", llama_vocab_bos(vocab)),
                                       std::pair("eos_token", llama_vocab_eos(vocab)),
                                       std::pair("sep_token", llama_vocab_sep(vocab)),
                                       std::pair("pad_token", llama_vocab_pad(vocab))}) {
        if (token != LLAMA_TOKEN_NULL) {
            special_tokens.emplace_back(name, llama_vocab_get_text(vocab, token));
        }
    }
    return std::make_unique<ChatTemplate>(source == nullptr || *source == 0 ? chatml : source, std::move(special_tokens),
                                          std::move(placement));
}

// Whether both words of the probe come out of the template, with the white space between them.
bool ChatTemplate::keeps(const Rendering & rendering) const {
    try {
        const std::string text = text_of(apply(rendering));
        const size_t first = text.find("quokka ");
        const size_t second = text.find(" wombat", first == std::string::npos ? first : first + 6);
        return first != std::string::npos && second != std::string::npos &&
               text.find("quokka", first + 1) == std::string::npos &&
               text.find("{'type'") == std::string::npos;  // a list, printed
    } catch (const std::exception &) {
        return false;
    }
}

// A conversation with a message of this role, and where that is.
static std::pair<Conversation, size_t> conversation_for(const std::string & role) {
    const Message user{"user", {{"x", -1}}};
    Message message{role, {{"quokka  wombat", -1}}};
    if (role == "user") {
        return {{{message}}, 0};
    }
    if (role == "system") {
        return {{{message, user}}, 0};
    }
    if (role == "assistant") {
        return {{{user, message, user}}, 1};
    }
    message.name = "x";
    message.tool_call_id = "x";
    return {{{user, {"assistant", {}, {}, {}, {{"x", "x", "{}"}}, {}}, message}}, 2};
}

// Renders small conversations, to see in which form a role's contents come out of the template whole.
ContentForm ChatTemplate::probe(const std::string & role) const {
    auto [conversation, at] = conversation_for(role);
    const auto try_form = [&, &whole = conversation](ContentForm form) {
        return keeps({whole, Images::typed, "", role, form});
    };
    ContentForm form;
    form.takes_text = try_form({true, false, false});
    form.takes_parts = try_form({false, true, false});
    conversation.messages[at].parts = {{"quokka ", -1}, {" wombat", -1}};
    form.keeps_parts = try_form({false, true, true});
    // A role that the template does not know is the template's to refuse.
    form.takes_text = form.takes_text || !form.takes_parts;
    return form;
}

const ContentForm & ChatTemplate::form_of(const std::string & role) const {
    for (const auto & [name, form] : forms_) {
        if (name == role) {
            return form;
        }
    }
    throw EngineError("invalid_request", "The role " + role + " is not one of system, user, assistant and tool.");
}

std::vector<Run> ChatTemplate::apply(const Rendering & rendering) const {
    const auto & [messages, settings] = rendering.conversation;
    jinja::context context(source_);
    context.set_val("tools", jinja::mk_val<jinja::value_none>());
    context.set_val("documents", jinja::mk_val<jinja::value_none>());
    for (const auto & [name, text] : special_tokens_) {
        context.set_val(name, own_text(text));
    }
    const bool opens_turn = settings.add_generation_prompt && !settings.continue_final_message;
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(opens_turn));
    const auto variables = user_object(settings.variables, "The chat template's variables");
    for (const auto & [name, value] : variables->as_ordered_object()) {
        if (name->as_string().str() == "messages") {
            throw EngineError("invalid_request", "A variable of the chat template cannot be named messages: that is the "
                                                 "conversation.");
        }
        context.set_val(name->as_string().str(), value);
    }
    const std::string end = settings.continue_final_message ? rendering.nonce + "end; " : "";
    auto list = jinja::mk_val<jinja::value_array>();
    for (const auto & message : messages) {
        const ContentForm & form =
            message.role == rendering.probed_role ? rendering.probed_form : form_of(message.role);
        list->push_back(rendering.message_of(message, form, &message == &messages.back() ? end : ""));
    }
    context.set_val("messages", list);
    std::vector<Run> runs;
    try {
        const auto results = jinja::runtime(context).execute(*program_);
        for (const auto & part : jinja::runtime::gather_string_parts(results)->as_string().parts) {
            runs.push_back({part.val, part.is_input, -1});
        }
    } catch (const std::exception & error) {
        refuse(template_reason(error.what()));
    }
    if (settings.continue_final_message) {
        leave_open(runs, rendering.nonce + "end;");
    }
    return runs;
}

// Empty where the template refuses images: it may take them as text.
std::vector<Run> ChatTemplate::render_typed(const Conversation & conversation, const std::string & nonce) const {
    try {
        return apply({conversation, Images::typed, nonce});
    } catch (const EngineError & error) {
        if (error.code != "chat_template_failed") {
            throw;
        }
        return {};
    }
}

std::vector<Run> ChatTemplate::render(const Conversation & conversation, size_t n_images) const {
    const std::string nonce = random_nonce();
    // A template that knows images is told of them: what it writes beside them can depend on it (SmolVLM's has no space
    // between "User:" and an image).
    if (n_images > 0 && writes_slots_) {
        auto runs = render_typed(conversation, nonce);
        const std::string & slot = placement_.slot;
        const size_t n_slots = put_images(runs, false, [&slot](const std::string & text, size_t from, size_t) {
            return std::pair(text.find(slot, from), slot.size());
        });
        if (n_slots == n_images) {
            return surround(runs, placement_);
        }
    }
    // As text, an image's mark passes through any template.
    auto runs = apply({conversation, Images::as_text, nonce});
    const size_t n_marks = put_images(runs, true, [&nonce](const std::string & text, size_t from, size_t index) {
        const std::string mark = image_mark(nonce, index);
        return std::pair(text.find(mark, from), mark.size());
    });
    if (n_marks != n_images || text_of(runs).find(nonce) != std::string::npos) {
        throw EngineError("chat_template_failed", "The model's chat template dropped, repeated or reordered an image "
                                                  "of the conversation: it may accept images in user messages only.");
    }
    return surround(runs, placement_.without_template());
}

}  // namespace vserve
