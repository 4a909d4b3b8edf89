// SPDX-License-Identifier: Apache-2.0
// Evicted neighborhoods by graph search, and their union-find approximation. Costs in clock units.
#pragma once

#include "heap.h"

namespace dtr {

// Of the evicted storages that rematerializing s would need first.
Cost ancestors_cost(const Heap&, const Storage& s);
// Of e*: the evicted ancestors and descendants, each direction on its own, each storage once.
Cost neighborhood_cost(const Heap&, const Storage& s);
// Of the distinct equivalence classes of s's evicted neighbors.
Cost class_cost(const Heap&, const Storage& s);
// The same, which may rise unseen from now on, but whose fall will be a change of s.
Cost watched_class_cost(const Heap&, const Storage& s);

}  // namespace dtr
