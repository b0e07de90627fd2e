#pragma once

namespace vserve {

// How many nodes of the encoder's graph are computed between two interruptions, at which other work runs and a cancellation
// is seen.
//
// On a CPU ten nodes of a large encoder take tens of milliseconds, and interrupting costs nothing measurable. On a GPU it
// drains the queue, which costs some 0.1 ms, and a node takes from 0.01 ms to tens of milliseconds, depending on the GPU and
// the picture: the number follows what the last group took. Each picture begins with few nodes.
class EncoderPace {
  public:
    explicit EncoderPace(bool on_gpu) : on_gpu_(on_gpu) {}

    // Of a graph.
    void begin() { nodes_ = nodes_at_first; }

    // Of the group that is being put together.
    int nodes() const { return nodes_; }

    // The last group took so long. The work at the interruption does not count.
    void computed(double ms);

  private:
    static constexpr int nodes_at_first = 10;

    bool on_gpu_;
    int nodes_ = nodes_at_first;
};

}  // namespace vserve
