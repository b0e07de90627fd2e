#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "grammar-rules.h"

namespace vserve {

// Compiled grammars by the text they were made of, those used last, within a limit of memory. Any thread.
class GrammarCache {
  public:
    explicit GrammarCache(size_t most_bytes) : most_bytes_(most_bytes) {}

    // What `compile` makes of the text, where it is not there; two threads may compile the same text at a time. Throws what
    // `compile` throws.
    std::shared_ptr<const GrammarRules> get(const std::string & text,
                                            const std::function<std::shared_ptr<const GrammarRules>()> & compile);

  private:
    struct Entry {
        std::string text;
        std::shared_ptr<const GrammarRules> rules;
        size_t bytes() const { return text.size() + rules->bytes(); }
    };

    std::shared_ptr<const GrammarRules> find(const std::string & text);
    void add(const std::string & text, std::shared_ptr<const GrammarRules> rules);

    const size_t most_bytes_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // last used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
    size_t bytes_ = 0;
};

}  // namespace vserve
