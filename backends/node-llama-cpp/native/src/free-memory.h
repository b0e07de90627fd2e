#pragma once

namespace vserve {

// Gives the system what malloc keeps of freed memory. glibc keeps some for each thread, and never gives back what lies below
// memory in use: over hours of work of many sizes, that grows. Takes some milliseconds, in which other threads may wait for
// memory. Does nothing with other libraries.
void return_free_memory();

}  // namespace vserve
