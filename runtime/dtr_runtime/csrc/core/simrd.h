// SPDX-License-Identifier: Apache-2.0
// The configuration of DTR that the paper's simulator is: every choice where it differs from the engine is here and
// in simrd.cpp, explained in reference/SIMRD.md.
#pragma once

#include <string>

#include "engine.h"
#include "mersenne.h"
#include "simrd_graph.h"

namespace dtr::simrd {

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

// Raises AssertionFailed where simrd stops at an assertion, std::overflow_error for sums of costs beyond 63 bits.
Outcome run(const Schedule&, Heuristic, Deallocation, Limits);

}  // namespace dtr::simrd
