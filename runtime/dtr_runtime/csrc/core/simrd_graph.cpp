// SPDX-License-Identifier: Apache-2.0
#include "simrd_graph.h"

#include <algorithm>
#include <utility>

#include "fault.h"

namespace dtr::simrd {
namespace {

// The running sums of regions and classes may count a storage again and again.
int64_t bounded(int64_t cost) {
  constexpr int64_t most = int64_t{1} << 61;
  if (cost > most || cost < -most) throw std::overflow_error("a sum of costs, as simrd keeps it, exceeds 2**61");
  return cost;
}

}  // namespace

Graph::Graph(const Schedule& schedule, const std::vector<Cell>& cells, Surroundings kind)
    : schedule_(schedule), cells_(cells), kind_(kind), room_{&schedule.children, &schedule.parents} {
  if (kind == Surroundings::none) return;
  const size_t storages = cells.size();
  for (const Direction d : {descendants, ancestors}) {
    neighbors_[d].resize(room_[d]->size());
    near_[d].reserve(storages);
    for (size_t s = 0; s < storages; ++s) near_[d].push_back({room_[d]->begin(static_cast<StorageId>(s))});
    if (kind == Surroundings::regions) regions_[d].resize(storages);
  }
  resident_.resize(storages);
  cost_.resize(storages);
  multiplicity_.resize(schedule.edges.size());
  seen_.resize(storages);
  inside_buffer_.resize(storages);
  if (kind == Surroundings::classes) node_.assign(storages, no_node);
}

uint32_t Graph::new_round() {
  if (++round_ == 0) {
    for (auto* seen : {&seen_, &seen_node_}) std::fill(seen->begin(), seen->end(), 0);
    round_ = 1;
  }
  return round_;
}

void Graph::added(OperatorId op) {
  if (kind_ == Surroundings::none) return;
  for (const EdgeId e : schedule_.operator_edges[op]) link(e);
  for (const StorageId s : schedule_.operator_loops[op])
    for (const Direction d : {descendants, ancestors}) ++near_[d][s].visits;
  const Operator& o = schedule_.operators[op];
  for (TensorId t = o.first; t < o.first + o.outputs; ++t) {
    const StorageId s = schedule_.storage_of[t];
    cost_[s] = cells_[s].cost;
    if (kind_ == Surroundings::classes && schedule_.tensors[s].front() == t) node_[s] = add_node(0);
  }
}

void Graph::link(EdgeId e) {
  const auto [parent, child] = schedule_.edges[e];
  const bool fresh = multiplicity_[e]++ == 0;
  const auto add = [&](Direction d, StorageId from, StorageId neighbor) {
    Near& near = near_[d][from];
    ++near.visits;
    if (fresh) neighbors_[d][near.begin + near.count++] = neighbor;
  };
  add(descendants, parent, child);
  add(ancestors, child, parent);
}

void Graph::detached(StorageId s) {
  if (kind_ == Surroundings::none) return;
  for (const StorageId child : neighbors(descendants, s)) unlink(ancestors, child, s);
  for (const StorageId parent : neighbors(ancestors, s)) unlink(descendants, parent, s);
}

void Graph::unlink(Direction d, StorageId from, StorageId neighbor) {
  Near& near = near_[d][from];
  StorageId* const list = neighbors_[d].data() + near.begin;
  StorageId* const last = list + --near.count;
  *std::find(list, last, neighbor) = *last;
  for (const EdgeId e : (*room_[d])[from]) {
    const Edge& edge = schedule_.edges[e];
    if ((d == descendants ? edge.child : edge.parent) == neighbor) near.visits -= multiplicity_[e];
  }
}

// Around a resident storage in one direction: what is evicted, through evicted storages only (into inside_), and
// what resident storages border on it.
template <class Border>
void Graph::search(Direction d, StorageId base, Border&& border) {
  const uint32_t round = new_round();
  // In locals, because the compiler cannot know that writing to one array leaves where the others are.
  uint32_t* const seen = seen_.data();
  const uint8_t* const resident = resident_.data();
  const Near* const nears = near_[d].data();
  const StorageId* const all = neighbors_[d].data();
  StorageId* const inside = inside_buffer_.data();
  size_t found = 0, next = 0;
  int64_t looks = 0;
  seen[base] = round;
  for (StorageId s = base;; s = inside[next++]) {
    const Near near = nears[s];
    looks += near.visits;
    for (int32_t i = near.begin; i < near.begin + near.count; ++i) {
      const StorageId u = all[i];
      if (std::exchange(seen[u], round) == round) continue;
      if (resident[u]) border(u);
      else inside[found++] = u;
    }
    if (next == found) break;
  }
  accesses += looks;
  inside_ = {inside, found};
}

Graph::Neighborhood Graph::neighborhood(StorageId s) {
  search(descendants, s, [](StorageId) {});
  found_.assign(inside_.begin(), inside_.end());
  search(ancestors, s, [](StorageId) {});
  Neighborhood all{cost_[s], cells_[s].last_access};
  new_round();
  for (const std::span<const StorageId> found : {std::span<const StorageId>(found_), inside_})
    for (const StorageId u : found) {
      if (!first_sight(u)) continue;
      all.cost += cost_[u];
      all.last_access = std::max(all.last_access, cells_[u].last_access);
    }
  return all;
}

int64_t Graph::evicted_ancestors_cost(StorageId s) {
  search(ancestors, s, [](StorageId) {});
  int64_t cost = 0;
  for (const StorageId u : inside_) cost += cost_[u];
  return cost;
}

void Graph::rebuild(Direction d, StorageId base) {
  require(resident_[base], "a region is rebuilt around an evicted storage");
  Region& region = regions_[d][base];
  region.interior.clear();
  region.frontier.clear();
  region.cost = 0;
  search(d, base, [&](StorageId u) { region.frontier.insert(u, cells_.size()); });
  region.interior.insert_all(inside_, cells_.size());
  for (const StorageId u : inside_) region.cost += cost_[u];
}

// `evicted` moves from the frontier into the interior, with the region around it. It counts even if it was inside.
void Graph::absorb(Direction d, StorageId into, StorageId evicted) {
  Region& region = regions_[d][into];
  require(region.frontier.has(evicted), "an evicted storage is not on the frontier of a region next to it");
  region.frontier.erase(evicted);
  const bool was_inside = region.interior.has(evicted);
  const auto take = [&](StorageId u) {
    ++accesses;
    region.cost = bounded(region.cost + cost_[u]);
  };
  if (into != evicted) {
    const Region& other = regions_[d][evicted];
    region.frontier.insert_all(other.frontier, [](StorageId) {});
    region.interior.insert_all(other.interior, take);
  }
  const bool came_along = !was_inside && region.interior.has(evicted);
  if (came_along) return;
  take(evicted);
  region.interior.insert(evicted, cells_.size());
}

void Graph::evicted(StorageId s) {
  if (kind_ == Surroundings::none) return;
  resident_[s] = false;
  if (kind_ == Surroundings::regions) {
    regions_[ancestors][s].frontier.for_each([&](StorageId u) { absorb(descendants, u, s); });
    regions_[descendants][s].frontier.for_each([&](StorageId u) { absorb(ancestors, u, s); });
    for (const Direction d : {descendants, ancestors}) {
      regions_[d][s].interior.clear();
      regions_[d][s].frontier.clear();
      regions_[d][s].cost = 0;
    }
  } else if (kind_ == Surroundings::classes) {
    require(node_[s] == no_node, "a resident storage is in an equivalence class");
    node_[s] = add_node(cost_[s]);
    for (const StorageId u : evicted_neighbors(s)) {
      require(node_[u] != no_node, "an evicted storage is in no equivalence class");
      merge(node_[u], node_[s]);
    }
  }
}

void Graph::computed(const std::vector<StorageId>& now_resident) {
  if (kind_ == Surroundings::none) return;
  for (const StorageId s : now_resident) resident_[s] = true;
  if (kind_ == Surroundings::regions) {
    for (const StorageId s : now_resident)
      for (const Direction d : {descendants, ancestors}) rebuild(d, s);
    if (fault(Fault::simrd_stale_regions)) return;
    // What lies on these frontiers sees the new storages from the other side.
    for (const Direction d : {descendants, ancestors}) {
      new_round();
      found_.clear();
      for (const StorageId s : now_resident)
        regions_[d][s].frontier.for_each([&](StorageId u) {
          if (first_sight(u)) found_.push_back(u);
        });
      for (const StorageId u : found_) rebuild(d == descendants ? ancestors : descendants, u);
    }
  } else if (kind_ == Surroundings::classes) {
    for (const StorageId s : now_resident) {
      require(node_[s] != no_node, "an evicted storage is in no equivalence class");
      const int64_t rest = bounded(node_cost_[find(node_[s])] - cost_[s]);
      node_cost_[find(node_[s])] = rest;
      node_[s] = no_node;
    }
  }
}

// --- equivalence classes ------------------------------------------------------------------------

const std::vector<StorageId>& Graph::evicted_neighbors(StorageId s) {
  new_round();
  found_.clear();
  for (const Direction d : {ancestors, descendants}) {
    accesses += near_[d][s].visits;
    for (const StorageId u : neighbors(d, s))
      if (!resident_[u] && first_sight(u)) found_.push_back(u);
  }
  return found_;
}

int64_t Graph::classes_cost(StorageId s) {
  int64_t cost = 0;
  for (const StorageId u : evicted_neighbors(s)) {
    const Node root = find(node_[u]);
    if (std::exchange(seen_node_[root], round_) != round_) cost = bounded(cost + node_cost_[root]);
  }
  return cost;
}

Graph::Node Graph::add_node(int64_t cost) {
  const Node node = static_cast<Node>(parent_.size());
  parent_.push_back(node);
  node_cost_.push_back(cost);
  seen_node_.push_back(0);
  return node;
}

// With full compression of the path; every node on it is an access.
Graph::Node Graph::find(Node node) {
  Node root = node;
  ++accesses;
  for (; parent_[root] != root; root = parent_[root]) ++accesses;
  while (parent_[node] != root) node = std::exchange(parent_[node], root);
  return root;
}

void Graph::merge(Node a, Node b) {
  a = find(a);
  b = find(b);
  if (a == b) return;
  parent_[a] = b;
  node_cost_[b] = bounded(node_cost_[b] + node_cost_[a]);
}

}  // namespace dtr::simrd
