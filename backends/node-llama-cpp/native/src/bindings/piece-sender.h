#pragma once

#include <vector>

#include <napi.h>

#include "engine.h"

namespace vserve {

// Calls onPieces(numbers, texts) with pieces of text and thoughts. Nearly all events are such pieces, one for each stream and
// step, on the thread that also writes the responses. So no object is made for them: their numbers are in an array that is
// used again and again, four for each piece.
class PieceSender {
  public:
    using Iterator = std::vector<Event>::const_iterator;

    // Takes no events.
    PieceSender() = default;
    explicit PieceSender(Napi::Function on_pieces);

    bool takes(const Event & event) const {
        const bool is_text = event.kind == Event::Kind::delta || event.kind == Event::Kind::thought;
        return is_text && event.reports.empty() && !on_pieces_.IsEmpty();
    }
    // The end of the events from `begin` on that are sent alike: it takes all of them, or none, and no more than it has room
    // for.
    Iterator end_of_run(Iterator begin, Iterator end) const;
    // Sends events that it takes.
    void send(Iterator begin, Iterator end);

  private:
    Napi::FunctionReference on_pieces_;
    Napi::Reference<Napi::Float64Array> numbers_;
    double * data_ = nullptr;  // of numbers_
};

}  // namespace vserve
