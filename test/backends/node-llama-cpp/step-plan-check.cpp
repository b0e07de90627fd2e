// Runs the engine's rules of turns without a model. Prints a line for each step or round.
//
// step-plan-check steps TOKENS MOST BESIDE_SHORT STREAMS COSTS WORK...
//                                                                 prompts, computed to their ends: CLIENT:TOKENS@STEP, the
//                                                                 step being that of its arrival, CLIENT a path such as
//                                                                 a/b; an image has ! behind it; STREAMS is 1 beside
//                                                                 streams, COSTS is 1 where mixing prompts costs. Prints
//                                                                 PROMPT=TOKENS of each share.
// step-plan-check images WORK...                                  one at a time, each at once to its end: PROMPT
// step-plan-check pace MOST_MS FEWEST STEP...                   STREAMS,PROMPT_TOKENS,MS of steps: the most tokens after
//                                                                 each
// step-plan-check admit REQUEST...                                RUNNING,SERVED,BEGUN,PASSED_OVER: the places, in order
// step-plan-check embed INPUTS TOKENS WORK...                     batches of so many at most, the step of a WORK being that
//                                                                 of its arrival, one with ! is computed alone: its INPUTs

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "admission-order.h"
#include "client-turns.h"
#include "embed-queue.h"
#include "step-pace.h"
#include "step-plan.h"

using namespace vserve;

struct Prompt {
    Client client;
    int32_t tokens;
    uint64_t arrival;
    bool is_image;
    bool entered = false;
};

static std::vector<std::string> split(const std::string & text, char separator) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

static Prompt prompt_of(const std::string & text) {
    const size_t colon = text.find(':');
    const size_t at = text.find('@');
    return {split(text.substr(0, colon), '/'), std::atoi(text.c_str() + colon + 1),
            std::strtoull(text.c_str() + at + 1, nullptr, 10), text.back() == '!'};
}

class Simulation {
  public:
    explicit Simulation(std::vector<Prompt> prompts) : prompts_(std::move(prompts)) {}

    // The prompts that have arrived and are not done.
    std::vector<PromptWork> works(uint64_t step) {
        indices_.clear();
        std::vector<PromptWork> works;
        for (size_t i = 0; i < prompts_.size(); i++) {
            Prompt & prompt = prompts_[i];
            if (prompt.arrival <= step && prompt.tokens > 0) {
                if (!prompt.entered) {
                    prompt.entered = true;
                    turns_.enter(prompt.client);
                }
                indices_.push_back(i);
            }
        }
        for (const size_t i : indices_) {
            const Prompt & prompt = prompts_[i];
            works.push_back({prompt.tokens, prompt.tokens, turns_.served(prompt.client),
                             static_cast<int64_t>(prompt.arrival), prompt.is_image});
        }
        return works;
    }

    size_t compute(size_t work, int32_t tokens) {
        Prompt & prompt = prompts_[indices_[work]];
        prompt.tokens -= tokens;
        turns_.charge(prompt.client, tokens);
        if (prompt.tokens == 0) {
            turns_.leave(prompt.client);
        }
        return indices_[work];
    }

    bool is_done() const {
        for (const auto & prompt : prompts_) {
            if (prompt.tokens > 0) {
                return false;
            }
        }
        return true;
    }

  private:
    std::vector<Prompt> prompts_;
    std::vector<size_t> indices_;
    ClientTurns turns_;
};

static void print_batches(const std::vector<Prompt> & inputs, size_t most_inputs, int32_t most_tokens) {
    EmbedQueue queue;
    size_t computed = 0;
    for (uint64_t batch = 0; computed < inputs.size(); batch++) {
        for (size_t i = 0; i < inputs.size(); i++) {
            if (inputs[i].arrival == batch) {
                queue.add({i, inputs[i].client, inputs[i].tokens, !inputs[i].is_image});
            }
        }
        for (const uint64_t id : queue.take(most_inputs, most_tokens)) {
            std::printf("%zu ", static_cast<size_t>(id));
            computed++;
        }
        std::printf("\n");
    }
}

int main(int count, char ** arguments) {
    const std::string mode = arguments[1];
    const int first = mode == "steps" ? 7 : mode == "embed" ? 4 : 2;
    if (mode == "admit") {
        std::vector<WaitingRequest> queue;
        for (int i = first; i < count; i++) {
            const auto parts = split(arguments[i], ',');
            queue.push_back({{std::atoi(parts[0].c_str())}, {std::atoll(parts[1].c_str())}, parts[2] == "1",
                             std::atoi(parts[3].c_str())});
        }
        for (const size_t place : admission_order(queue)) {
            std::printf("%zu ", place);
        }
        std::printf("\n");
        return 0;
    }
    if (mode == "pace") {
        StepPace pace(std::atof(arguments[2]), std::atoi(arguments[3]));
        for (int i = 4; i < count; i++) {
            const auto parts = split(arguments[i], ',');
            pace.note(std::atoi(parts[0].c_str()), std::atoi(parts[1].c_str()), std::atof(parts[2].c_str()));
            std::printf("%d\n", pace.most_prompt_tokens());
        }
        return 0;
    }
    std::vector<Prompt> prompts;
    for (int i = first; i < count; i++) {
        prompts.push_back(prompt_of(arguments[i]));
    }
    if (mode == "embed") {
        print_batches(prompts, std::atoi(arguments[2]), std::atoi(arguments[3]));
        return 0;
    }
    Simulation simulation(std::move(prompts));
    for (uint64_t step = 0; !simulation.is_done(); step++) {
        const auto works = simulation.works(step);
        if (mode == "images" && !works.empty()) {
            const size_t next = next_in_turn(works, step);
            std::printf("%zu", simulation.compute(next, works[next].remaining_tokens));
        } else if (mode == "steps") {
            const StepBudget budget{std::atoi(arguments[2]), std::atoi(arguments[3]), std::atoi(arguments[4]), false,
                                    std::atoi(arguments[5]) == 1, std::atoi(arguments[6]) == 1};
            const auto shares = share_out(works, budget, step);
            for (size_t i = 0; i < shares.size(); i++) {
                if (shares[i] > 0) {
                    std::printf("%zu=%d ", simulation.compute(i, shares[i]), shares[i]);
                }
            }
        }
        std::printf("\n");
    }
}
