// SPDX-License-Identifier: Apache-2.0
// Locking in the presence of Python: who waits for a lock must not hold the interpreter, since the
// lock's holder may need it (for a heuristic or an operator that is written in Python).
#pragma once

#include <mutex>

namespace dtr {

// Locks a mutex that another thread holds; set by the Python bindings.
inline void (*wait_for)(std::recursive_mutex&) = nullptr;

inline std::unique_lock<std::recursive_mutex> turn(std::recursive_mutex& mutex) {
  if (!mutex.try_lock()) wait_for(mutex);
  return {mutex, std::adopt_lock};
}

}  // namespace dtr
