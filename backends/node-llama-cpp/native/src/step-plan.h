#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vserve {

// What a sequence waits for that does not generate yet. Who waits is known by the place in the list alone.
struct PromptWork {
    int32_t ready_tokens;         // a step can compute these: up to the next image
    int32_t remaining_tokens;     // to the next token of the answer; more than `ready_tokens` if there are images between
    std::vector<int64_t> served;  // what the client was given before: ClientTurns
    int64_t submitted;            // orders the sequences by age, the oldest being the smallest
    bool alone = false;           // an image: its rows take a batch of their own
};

// How many tokens of prompts a step may hold.
struct StepBudget {
    int32_t tokens;          // of all prompts
    int32_t most_tokens;     // likewise, if that saves a prompt a step of its own for the rest
    int32_t beside_short;    // of the long ones, if there are short ones: these should get their first token soon
    bool short_only = false;  // something else is due: leave out the long ones
    bool beside_streams = false;  // a step has their tokens too
    bool mixing_costs = false;  // a step has one prompt, or one and others that end in it
};

// Shares out a step's tokens to the prompts: how many of each, 0 for those that wait. Never more than `ready_tokens`. A prompt
// whose share lacks less than half as much again gets the whole, as far as `most_tokens` allows: each step reads all weights.
//
// A prompt is short if all that is left of it fits in the step. Half of the step goes to the prompts with the least to do, so
// that a short question passes a long prompt. The other half goes to the
// clients in turn, the oldest prompt of each first: whatever comes in, every client and every prompt advances. `step` is the
// number of the step: an odd token, and what is limited to one, goes to one half in even steps and to the other in odd ones.
//
// Where mixing prompts costs, the halves are whole steps in turn, and half of an odd one goes first to a prompt that it
// completes. What a step beside streams has left goes to others that it completes: each is a batch of its own, but steps of
// their own would compute the streams too, a token of each. A large part of a prompt is cut so that the pass over it alone has
// a multiple of 16 tokens, for the kernels' sake: its first ones are in the pass over the other shares.
std::vector<int32_t> share_out(const std::vector<PromptWork> & prompts, const StepBudget & budget, uint64_t step);

// Which of several pieces of work that cannot be mixed is next, by the same rule: the least work in even turns, and in odd
// ones the oldest of the client that is due. `works` must not be empty.
size_t next_in_turn(const std::vector<PromptWork> & works, uint64_t turn);

}  // namespace vserve
