#pragma once

#include <napi.h>

#include "engine.h"

namespace vserve {

// Calls onPiece(request, answer, text, tokens, isThought) for pieces of text and thoughts. Nearly all events are such pieces,
// one for each stream and step, on the thread that also writes the responses. So no object is made for them.
class PieceSender {
  public:
    // Takes no events.
    PieceSender() = default;
    explicit PieceSender(Napi::Function on_piece) : on_piece_(Napi::Persistent(on_piece)) {}

    bool takes(const Event & event) const {
        const bool is_text = event.kind == Event::Kind::delta || event.kind == Event::Kind::thought;
        return is_text && event.reports.empty() && !on_piece_.IsEmpty();
    }
    // Sends an event that it takes.
    void send(const Event & event) const;

  private:
    Napi::FunctionReference on_piece_;
};

}  // namespace vserve
