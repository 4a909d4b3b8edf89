// SPDX-License-Identifier: Apache-2.0
// Equivalence classes of evicted storages (appendix C.2 of the paper): union-find whose roots hold
// the cost of their members. A member that leaves takes its cost along and nothing else, so what
// it joined stays joined. Nodes are counted (by their children and members) and reused.
//
// Whoever has asked for a class's cost may watch it: when a member leaves, its watchers are told.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "fault.h"

namespace dtr {

class EqClasses {
 public:
  using Node = int32_t;
  static constexpr Node none = -1;

  // Who watches; `stamp` says since when. A watcher whose stamp has changed watches no more.
  struct Watcher {
    int32_t seat;
    int64_t stamp;
  };

  // A class of one member.
  Node create(int64_t cost) {
    Node node;
    if (free_.empty()) {
      node = static_cast<Node>(nodes_.size());
      nodes_.emplace_back();
    } else {
      node = free_.back();
      free_.pop_back();
    }
    Entry& entry = nodes_[node];
    entry.parent = node;
    entry.rank = 0;
    entry.references = 1;
    entry.cost = cost;
    entry.seen = 0;
    entry.watchers.clear();
    return node;
  }

  Node find(Node node) {
    while (nodes_[node].parent != node) {
      const Node parent = nodes_[node].parent, grand = nodes_[parent].parent;
      if (parent != grand) {
        nodes_[node].parent = grand;
        if (!fault(Fault::uncounted_shortcut)) ++nodes_[grand].references;
        unreference(parent);
      }
      node = grand;
    }
    return node;
  }

  // `watches(watcher)`: whether it still does.
  template <class Watches>
  void join(Node a, Node b, Watches&& watches) {
    a = find(a);
    b = find(b);
    if (a == b) return;
    if (nodes_[a].rank < nodes_[b].rank) std::swap(a, b);
    nodes_[a].rank += nodes_[a].rank == nodes_[b].rank;
    nodes_[a].cost += nodes_[b].cost;
    nodes_[a].references += 1;
    nodes_[b].parent = a;
    if (nodes_[a].watchers.size() < nodes_[b].watchers.size()) nodes_[a].watchers.swap(nodes_[b].watchers);
    for (const Watcher& watcher : nodes_[b].watchers)
      if (!fault(Fault::lose_watchers)) watch(a, watcher, watches);
    nodes_[b].watchers.clear();
  }

  // The member that `create` made for `node` leaves its class; tell(watcher) is called for each watcher, for
  // the last time.
  template <class Tell>
  void leave(Node node, int64_t cost, Tell&& tell) {
    Entry& root = nodes_[find(node)];
    root.cost -= cost;
    for (const Watcher& watcher : root.watchers) tell(watcher);
    root.watchers.clear();
    unreference(node);
  }

  // Before the list of a root's watchers grows, those who watch no more are dropped.
  template <class Watches>
  void watch(Node root, Watcher watcher, Watches&& watches) {
    std::vector<Watcher>& watchers = nodes_[root].watchers;
    if (watchers.size() == watchers.capacity()) {
      std::erase_if(watchers, [&](const Watcher& other) { return !watches(other); });
      if (2 * watchers.size() >= watchers.capacity()) watchers.reserve(2 * watchers.capacity() + 4);
    }
    watchers.push_back(watcher);
  }

  // Whether this round sees the root for the first time.
  bool first(Node root, int64_t round) { return std::exchange(nodes_[root].seen, round) != round; }
  int64_t cost(Node root) const { return nodes_[root].cost; }

  // Nodes in use: bounded by the evicted storages and what they joined through.
  size_t size() const { return nodes_.size() - free_.size(); }

 private:
  struct Entry {
    Node parent = 0;
    int32_t rank = 0;
    int32_t references = 0;  // children, and the member while it stays
    int64_t cost = 0;
    int64_t seen = 0;
    std::vector<Watcher> watchers{};  // of a root
  };

  void unreference(Node node) {
    while (--nodes_[node].references == 0) {
      free_.push_back(node);
      const Node parent = nodes_[node].parent;
      if (parent == node) return;
      node = parent;
    }
  }

  std::vector<Entry> nodes_;
  std::vector<Node> free_;
};

}  // namespace dtr
