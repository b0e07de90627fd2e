#pragma once

namespace vserve {

// From now on in this process, ggml's buffers in main memory get their pages from the system all at once, by several threads,
// before they are filled with zeros, as the KV cache is: page by page, as it is written to, takes three to five times as long.
// Only Linux, from 5.14 on.
void populate_cleared_buffers();

}  // namespace vserve
