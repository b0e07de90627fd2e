#include "bindings/piece-sender.h"

namespace vserve {

namespace {

constexpr size_t numbers_a_piece = 4;
constexpr size_t most_pieces = 256;

}  // namespace

PieceSender::PieceSender(Napi::Function on_pieces) : on_pieces_(Napi::Persistent(on_pieces)) {
    auto numbers = Napi::Float64Array::New(on_pieces.Env(), numbers_a_piece * most_pieces);
    data_ = numbers.Data();
    numbers_ = Napi::Persistent(numbers);
}

PieceSender::Iterator PieceSender::end_of_run(Iterator begin, Iterator end) const {
    const bool are_pieces = takes(*begin);
    Iterator run_end = begin + 1;
    while (run_end != end && takes(*run_end) == are_pieces &&
           (!are_pieces || static_cast<size_t>(run_end - begin) < most_pieces)) {
        run_end++;
    }
    return run_end;
}

void PieceSender::send(Iterator begin, Iterator end) {
    const Napi::Env env = on_pieces_.Env();
    const auto texts = Napi::Array::New(env, static_cast<size_t>(end - begin));
    double * number = data_;
    for (Iterator event = begin; event != end; event++) {
        *number++ = static_cast<double>(event->id);
        *number++ = event->index;
        *number++ = event->completion_tokens;
        *number++ = event->kind == Event::Kind::thought ? 1 : 0;
        texts.Set(static_cast<uint32_t>(event - begin), Napi::String::New(env, event->text));
    }
    on_pieces_.Call({numbers_.Value(), texts});
}

}  // namespace vserve
