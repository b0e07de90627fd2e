#pragma once

#include <string>
#include <vector>

namespace vserve {

// The rules of a grammar that llama.cpp made: each is a line.
class GrammarLines {
  public:
    explicit GrammarLines(const std::string & gbnf);

    // To be changed in place; null where there is no rule of that name. Valid until the next add().
    std::string * body_of(const std::string & name);
    void add(const std::string & name, const std::string & body);
    std::string text() const;

  private:
    struct Rule {
        std::string name;
        std::string body;
    };
    std::vector<Rule> rules_;
};

// A text as grammars write it.
std::string gbnf_literal(const std::string & text);

}  // namespace vserve
