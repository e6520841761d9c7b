// Clients that are attached to a container: pipes that get its output, beside the log.
//
// A pipe never blocks the container: one that is full is closed, and its client with it.  Stdin does not pass
// through here: the client gets the descriptor itself.
#pragma once

#include <stddef.h>

#include "runtime/shim/containers.h"

namespace minik::shim {

inline constexpr int kAttachedMax = 32;

// Takes both descriptors over; -1 is none.  False when too many are attached already.
bool attach(Container* container, int output, int errors);
void tell_attached(const Container* container, bool errors, const char* text, size_t size);
void detach_all(const Container* container);

// For poll: the pipe of attached client `index`, -1 if there is none; it shows an error when its reader has
// gone.
int attached_fd(int index);
void detach(int index);

}  // namespace minik::shim
