// SPDX-License-Identifier: Apache-2.0
// Equivalence classes of evicted storages (appendix C.2 of the paper): union-find whose roots hold
// the cost of their members. A member that leaves takes its cost along and nothing else, so what
// it joined stays joined. Nodes are counted (by their children and members) and reused.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace dtr {

class EqClasses {
 public:
  using Node = int32_t;
  static constexpr Node none = -1;

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
    nodes_[node] = {node, 0, 1, cost, 0};
    return node;
  }

  Node find(Node node) {
    while (nodes_[node].parent != node) {
      const Node parent = nodes_[node].parent, grand = nodes_[parent].parent;
      if (parent != grand) {
        nodes_[node].parent = grand;
        ++nodes_[grand].references;
        unreference(parent);
      }
      node = grand;
    }
    return node;
  }

  void join(Node a, Node b) {
    a = find(a);
    b = find(b);
    if (a == b) return;
    if (nodes_[a].rank < nodes_[b].rank) std::swap(a, b);
    nodes_[a].rank += nodes_[a].rank == nodes_[b].rank;
    nodes_[a].cost += nodes_[b].cost;
    nodes_[a].references += 1;
    nodes_[b].parent = a;
  }

  // The member that `create` made for `node` leaves its class.
  void leave(Node node, int64_t cost) {
    nodes_[find(node)].cost -= cost;
    unreference(node);
  }

  // The cost of a root; 0 if this round has seen it before.
  int64_t cost_once(Node root, int64_t round) {
    if (std::exchange(nodes_[root].seen, round) == round) return 0;
    return nodes_[root].cost;
  }

  // Nodes in use: bounded by the evicted storages and what they joined through.
  size_t size() const { return nodes_.size() - free_.size(); }

 private:
  struct Entry {
    Node parent = 0;
    int32_t rank = 0;
    int32_t references = 0;  // children, and the member while it stays
    int64_t cost = 0;
    int64_t seen = 0;
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
