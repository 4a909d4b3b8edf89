// SPDX-License-Identifier: Apache-2.0
// The configuration of DTR that the paper's simulator is: every choice where it differs from the engine is here and
// in simrd.cpp, explained in reference/SIMRD.md.
#pragma once

#include <string>

#include "mersenne.h"
#include "simrd_graph.h"

namespace dtr::simrd {

// What happens when the last reference to a storage is gone.
enum class Deallocation { ignore, eager, banish };

// The cost in a score's numerator.
enum class Cost { none, local, ancestors, regions, classes, neighborhood, estar, evicted_ancestors };

struct Heuristic {
  enum class Choice { least_score, least_recent, random };
  Choice choice;
  Cost cost = Cost::none;
  bool size = false, staleness = false;

  Surroundings surroundings() const;
};

struct Limits {
  int64_t budget;          // bytes
  int64_t rematerialized;  // clock units: a run that exceeds it is thrashing
};

struct Outcome {
  enum class Status { finished, out_of_memory, thrashed };
  Status status;
  int64_t clock, rematerialized, peak;  // clock units, clock units, bytes
  int64_t evictions, evaluations, accesses;
};

// Raises AssertionFailed where simrd stops at an assertion.
Outcome run(const Schedule&, Heuristic, Deallocation, Limits);

}  // namespace dtr::simrd
