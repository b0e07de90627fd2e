#include "grammar-cache.h"

namespace vserve {

std::shared_ptr<const GrammarRules> GrammarCache::get(
    const std::string & text, const std::function<std::shared_ptr<const GrammarRules>()> & compile) {
    if (auto known = find(text)) {
        return known;
    }
    auto rules = compile();
    add(text, rules);
    return rules;
}

std::shared_ptr<const GrammarRules> GrammarCache::find(const std::string & text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_text_.find(text);
    if (found == by_text_.end()) {
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->rules;
}

void GrammarCache::add(const std::string & text, std::shared_ptr<const GrammarRules> rules) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Entry entry{text, std::move(rules)};
    if (by_text_.count(text) != 0 || entry.bytes() > most_bytes_) {
        return;
    }
    bytes_ += entry.bytes();
    entries_.push_front(std::move(entry));
    by_text_.emplace(entries_.front().text, entries_.begin());
    while (bytes_ > most_bytes_) {
        bytes_ -= entries_.back().bytes();
        by_text_.erase(entries_.back().text);
        entries_.pop_back();
    }
}

}  // namespace vserve
