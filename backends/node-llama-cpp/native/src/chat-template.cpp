#include "chat-template.h"

#include <random>
#include <string_view>

#include "error.h"
#include "log.h"  // llama.cpp's
#include "text-stream.h"

namespace vserve {

namespace {

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

// A mark stands in the rendered prompt for what the template must not touch: "i" an image, "t" hidden text.
std::string mark(const std::string & nonce, char kind, size_t index) {
    return nonce + kind + std::to_string(index) + ";";
}

// What stands round an image, with its number where some models have it.
std::string numbered(std::string text, size_t index) {
    const std::string_view number = "{number}";
    const size_t at = text.find(number);
    return at == std::string::npos ? text : text.replace(at, number.size(), std::to_string(index));
}

// What the template itself said, out of llama.cpp's report of where in the template it was said.
std::string template_reason(const std::string & report) {
    const std::string mark = "Jinja Exception: ";
    const size_t begin = report.rfind(mark);
    if (begin == std::string::npos) {
        return report;
    }
    const std::string reason = report.substr(begin + mark.size());
    return reason.substr(0, reason.find('\n'));
}

// llama.cpp throws its reason on as a plain std::exception, which has lost it: the template that failed is read again.
std::string template_fault(const llama_model * model) {
    for (const char * name : {static_cast<const char *>(nullptr), "tool_use"}) {
        const char * source = llama_model_chat_template(model, name);
        try {
            common_chat_template(source == nullptr ? "" : source, "", "");
        } catch (const std::exception & error) {
            return error.what();
        }
    }
    return "llama.cpp does not say why";
}

common_chat_templates_ptr read_templates(const llama_model * model) {
    const int verbosity = common_log_get_verbosity_thold();
    common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT);  // it would advise options that vserve does not have
    try {
        auto templates = common_chat_templates_init(model, "");
        common_log_set_verbosity_thold(verbosity);
        return templates;
    } catch (const std::exception &) {
        common_log_set_verbosity_thold(verbosity);
        throw EngineError("model_load_failed", "The model's chat template could not be read: " + template_fault(model));
    }
}

// Replaces every control string of a user's text by a mark, so that it comes out of the template as text.
std::string protect(const std::string & text, const std::string & nonce, const ControlStrings & control,
                    std::vector<std::string> & hidden) {
    std::string result;
    size_t copied = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t length = control.length_at(text, at);
        if (length == 0) {
            at++;
            continue;
        }
        result.append(text, copied, at - copied);
        result += mark(nonce, 't', hidden.size());
        hidden.push_back(text.substr(at, length));
        at += length;
        copied = at;
    }
    return result.append(text, copied, std::string::npos);
}

std::vector<Part> split(const std::string & rendered, const std::string & nonce, const std::vector<std::string> & hidden,
                        size_t n_images, const ImagePlacement & round_image) {
    std::vector<Part> parts;
    const auto add_text = [&parts](const std::string & text) {
        if (text.empty()) {
            return;
        }
        if (!parts.empty() && parts.back().image < 0 && parts.back().parse_special) {
            parts.back().text += text;
        } else {
            parts.push_back({text, true, -1});
        }
    };
    size_t images_seen = 0;
    size_t at = 0;
    for (size_t found; (found = rendered.find(nonce, at)) != std::string::npos;) {
        add_text(rendered.substr(at, found - at));
        const char kind = rendered[found + nonce.size()];
        const size_t end = rendered.find(';', found);
        const size_t index = std::stoul(rendered.substr(found + nonce.size() + 1, end));
        at = end + 1;
        if (kind == 'i') {
            if (index != images_seen) {
                break;
            }
            images_seen++;
            add_text(numbered(round_image.before, index));
            parts.push_back({"", true, static_cast<int>(index)});
            add_text(numbered(round_image.after, index));
        } else {
            // In two pieces, since llama.cpp finds user-defined tokens in text of either kind.
            const std::string & text = hidden[index];
            const size_t lead = utf8_character_length(static_cast<unsigned char>(text[0]));
            parts.push_back({text.substr(0, lead), false, -1});
            if (lead < text.size()) {
                parts.push_back({text.substr(lead), false, -1});
            }
        }
    }
    if (images_seen != n_images) {
        throw EngineError("chat_template_failed", "The model's chat template dropped, repeated or reordered an image "
                                                  "of the conversation: it may accept images in user messages only.");
    }
    add_text(rendered.substr(at));
    return parts;
}

}  // namespace

ChatTemplate::ChatTemplate(const llama_model * model, ImagePlacement placement)
    : templates_(read_templates(model)), placement_(std::move(placement)) {
    writes_slots_ = !placement_.slot.empty() &&
                    common_chat_templates_source(templates_.get()).find(placement_.slot) != std::string::npos;
}

std::vector<Part> ChatTemplate::render(const std::vector<Message> & messages, size_t n_images,
                                       const ControlStrings & control) const {
    const std::string nonce = random_nonce();
    // A template that knows images is told of them: what it writes beside them can depend on it (SmolVLM's has no space
    // between "User:" and an image).
    if (n_images > 0 && writes_slots_) {
        std::vector<std::string> hidden;
        size_t n_slots = 0;
        const std::string rendered = mark_slots(apply(messages, nonce, control, hidden, "image"), nonce, n_slots);
        if (n_slots == n_images) {
            return split(rendered, nonce, hidden, n_images, placement_);
        }
    }
    // Of type text, an image's mark passes through any template, and joined parts keep no line break of llama.cpp's own
    // between them.
    std::vector<std::string> hidden;
    const std::string rendered = apply(messages, nonce, control, hidden, "text");
    return split(rendered, nonce, hidden, n_images, placement_.without_template());
}

// An image's part carries its mark as text.
std::string ChatTemplate::apply(const std::vector<Message> & messages, const std::string & nonce,
                                const ControlStrings & control, std::vector<std::string> & hidden,
                                const char * image_type) const {
    common_chat_templates_inputs inputs;
    for (const auto & message : messages) {
        common_chat_msg rendered;
        rendered.role = message.role;
        for (const auto & part : message.parts) {
            rendered.content_parts.push_back(
                part.image >= 0 ? common_chat_msg_content_part{image_type, mark(nonce, 'i', part.image)}
                                : common_chat_msg_content_part{"text", protect(part.text, nonce, control, hidden)});
        }
        if (rendered.content_parts.size() == 1 && rendered.content_parts[0].type == "text") {
            rendered.content = rendered.content_parts[0].text;
            rendered.content_parts.clear();
        }
        inputs.messages.push_back(std::move(rendered));
    }
    try {
        return common_chat_templates_apply(templates_.get(), inputs).prompt;
    } catch (const std::exception & error) {
        throw EngineError("chat_template_failed",
                          "The model's chat template refused the conversation: " + template_reason(error.what()));
    }
}

// Puts the images' marks, in order, where the template wrote slots.
std::string ChatTemplate::mark_slots(const std::string & rendered, const std::string & nonce, size_t & n_slots) const {
    std::string marked;
    size_t copied = 0;
    n_slots = 0;
    for (size_t at; (at = rendered.find(placement_.slot, copied)) != std::string::npos;) {
        marked.append(rendered, copied, at - copied);
        marked += mark(nonce, 'i', n_slots++);
        copied = at + placement_.slot.size();
    }
    return marked.append(rendered, copied, std::string::npos);
}

}  // namespace vserve
