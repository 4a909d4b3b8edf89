// SPDX-License-Identifier: Apache-2.0
// What a heuristic can ask about a storage's surroundings: evicted regions, searched or cached, and equivalence
// classes, as simrd keeps them. Every look at a neighbor is counted as simrd counts its metadata accesses.
#pragma once

#include <array>
#include <stdexcept>
#include <utility>

#include "simrd_schedule.h"
#include "simrd_set.h"

namespace dtr::simrd {

// simrd itself would stop here, at an assertion of its own.
struct AssertionFailed : std::logic_error {
  using std::logic_error::logic_error;
};

inline void require(bool holds, const char* what) {
  if (!holds) throw AssertionFailed(what);
}

// What the machine knows of a storage.
struct Cell {
  int64_t size;
  int64_t cost = 0;  // of the distinct operators of its tensors so far
  int64_t last_access = never;
  int32_t locks = 0;
  int32_t references = 0;
  int32_t position = -1;  // in the pool
  OperatorId last_operator = -1;
  bool resident = false, pinned = false, banished = false;

  static constexpr int64_t never = INT64_MIN;
};

// Which surroundings a heuristic looks at.
enum class Surroundings { none, search, regions, classes };

class Graph {
 public:
  Graph(const Schedule&, const std::vector<Cell>&, Surroundings);

  // The machine's events. `added` comes before the operator's results are resident; the other two after the fact.
  void added(OperatorId);
  void evicted(StorageId);
  void computed(const std::vector<StorageId>& now_resident);
  // A banished storage is no neighbor any more.
  void detached(StorageId);

  enum Direction { descendants, ancestors };
  // Cached regions: the cost of what was evicted when the region was last brought up to date.
  int64_t region_cost(Direction d, StorageId s) const { return regions_[d][s].cost; }
  // The cost of the distinct classes next to a storage.
  int64_t classes_cost(StorageId);
  struct Neighborhood {
    int64_t cost, last_access;
  };
  // Of the storage itself and what is evicted around it, by search.
  Neighborhood neighborhood(StorageId);
  int64_t evicted_ancestors_cost(StorageId);

  int64_t accesses = 0;

 private:
  struct Region {
    StorageSet interior, frontier;
    int64_t cost = 0;
  };
  using Node = int32_t;
  static constexpr Node no_node = -1;

  // Where a storage's distinct neighbors in one direction are in neighbors_, and how often simrd walks to them,
  // tensor by tensor.
  struct Near {
    int32_t begin, count = 0, visits = 0;
  };
  std::span<const StorageId> neighbors(Direction d, StorageId s) const {
    const Near& near = near_[d][s];
    return {neighbors_[d].data() + near.begin, static_cast<size_t>(near.count)};
  }
  void link(EdgeId);
  void unlink(Direction, StorageId from, StorageId neighbor);
  template <class Border>
  void search(Direction, StorageId base, Border&&);
  void rebuild(Direction, StorageId);
  void absorb(Direction, StorageId into, StorageId evicted);
  const std::vector<StorageId>& evicted_neighbors(StorageId);
  Node find(Node);
  Node add_node(int64_t cost);
  void merge(Node, Node);

  // A new round, in which nothing has been seen.
  uint32_t new_round();
  bool first_sight(StorageId s) { return std::exchange(seen_[s], round_) != round_; }

  const Schedule& schedule_;
  const std::vector<Cell>& cells_;
  const Surroundings kind_;
  std::vector<uint8_t> resident_;  // storage ->, as in its cell, and small
  std::vector<int64_t> cost_;      // storage ->, likewise
  // Lists of neighbors that grow and, under banishing, shrink within the room that the schedule gives them.
  std::array<const Lists*, 2> room_;
  std::array<std::vector<StorageId>, 2> neighbors_;
  std::array<std::vector<Near>, 2> near_;  // storage ->
  std::vector<int32_t> multiplicity_;      // edge ->
  std::array<std::vector<Region>, 2> regions_;
  std::vector<Node> node_, parent_;  // storage -> its node, while evicted; node ->
  std::vector<int64_t> node_cost_;
  std::vector<uint32_t> seen_, seen_node_;
  uint32_t round_ = 0;
  std::vector<StorageId> found_, inside_buffer_;
  std::span<const StorageId> inside_;  // what the latest search found
};

}  // namespace dtr::simrd
