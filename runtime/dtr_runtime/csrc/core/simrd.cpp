// SPDX-License-Identifier: Apache-2.0
#include "simrd.h"

#include <algorithm>
#include <utility>

#include "fault.h"
#include "simrd_score.h"

namespace dtr::simrd {
namespace {

struct OutOfMemory {};
struct Thrashed {};

// The evictable storages in the order in which they became so. Those that leave are holes until there are too many.
class Pool {
 public:
  explicit Pool(std::vector<Cell>& cells) : cells_(cells) {}

  size_t size() const { return size_; }
  bool has(StorageId s) const { return cells_[s].position >= 0; }

  void push(StorageId s) {
    cells_[s].position = static_cast<int32_t>(slots_.size());
    slots_.push_back(s);
    ++size_;
  }

  void remove(StorageId s) {
    slots_[cells_[s].position] = hole;
    cells_[s].position = -1;
    --size_;
  }

  // Without holes, valid until the next change.
  std::span<const StorageId> storages() {
    if (size_ < slots_.size()) {
      size_t end = 0;
      for (const StorageId s : slots_) {
        if (s == hole) continue;
        cells_[s].position = static_cast<int32_t>(end);
        slots_[end++] = s;
      }
      slots_.resize(end);
    }
    return slots_;
  }

 private:
  static constexpr StorageId hole = -1;
  std::vector<Cell>& cells_;
  std::vector<StorageId> slots_;
  size_t size_ = 0;
};

std::vector<Cell> cells_of(const Schedule& schedule) {
  std::vector<Cell> cells;
  cells.reserve(schedule.sizes.size());
  for (const int64_t size : schedule.sizes) cells.push_back({.size = size});
  return cells;
}

class Machine {
 public:
  Machine(const Schedule& schedule, Heuristic heuristic, Deallocation deallocation, Limits limits)
      : schedule_(schedule),
        heuristic_(heuristic),
        deallocation_(deallocation),
        limits_(limits),
        cells_(cells_of(schedule)),
        defined_(schedule.storage_of.size()),
        pool_(cells_),
        graph_(schedule, cells_, heuristic.surroundings()) {
    if (!banishing()) return;
    parents_.resize(schedule.storage_of.size());
    depends_.resize(schedule.storage_of.size());
    evicted_dependents_.resize(schedule.sizes.size());
  }

  Outcome run() {
    try {
      for (const Step& s : schedule_.steps) step(s);
    } catch (const OutOfMemory&) {
      outcome_.status = Outcome::Status::out_of_memory;
    } catch (const Thrashed&) {
      outcome_.status = Outcome::Status::thrashed;
    }
    outcome_.accesses += graph_.accesses;
    return outcome_;
  }

 private:
  // A tensor being defined: its parents that were defined are locked, then those from `begin` in pending_ are
  // defined and locked, one by one.
  struct Frame {
    TensorId tensor;
    bool again;  // a rematerialization, not the client's call
    bool waiting;
    size_t begin, next;
  };

  // --- the client's steps -------------------------------------------------------------------------

  void step(const Step& s) {
    switch (s.kind) {
      case Step::Kind::compute: return compute(s.subject);
      case Step::Kind::get: return get(storage(s.subject));
      case Step::Kind::drop: return drop(storage(s.subject));
      case Step::Kind::keep: return keep(s.subject);
    }
  }

  void compute(OperatorId op) {
    const Operator& o = schedule_.operators[op];
    made_ = o.first + o.outputs;
    for (TensorId t = o.first; t < made_; ++t) {
      Cell& cell = cells_[storage(t)];
      require(!cell.banished, "an alias of a banished storage");
      ++cell.references;
      if (std::exchange(cell.last_operator, op) != op) cell.cost += o.cost;
      if (!banishing()) continue;
      parents_[t].assign(schedule_.inputs[op].begin(), schedule_.inputs[op].end());
      for (const StorageId p : schedule_.input_storages[op]) depend(t, p);
    }
    graph_.added(op);
    materialize(o.first, false);
    for (TensorId t = o.first; t < o.first + o.outputs; ++t) cells_[storage(t)].last_access = outcome_.clock;
  }

  void get(StorageId s) {
    require(cells_[s].references > 0, "a reference to a storage that has none left");
    ++cells_[s].references;
  }

  void drop(StorageId s) {
    Cell& cell = cells_[s];
    require(cell.references > 0, "a reference is dropped that is not there");
    if (--cell.references > 0) return;
    if (banishing()) return try_banish(s);
    if (deallocation_ == Deallocation::eager && cell.resident && !cell.pinned) evict(s);
  }

  void keep(TensorId t) {
    if (!defined_[t]) materialize(t, true);
    pin(storage(t));
  }

  // --- materialization ------------------------------------------------------------------------------

  void materialize(TensorId t, bool again) {
    begin(t, again);
    while (!frames_.empty()) {
      Frame& top = frames_.back();
      if (top.next < pending_.size()) {
        const TensorId parent = pending_[top.next];
        if (!defined_[parent] && !std::exchange(top.waiting, true)) {
          begin(parent, true);
          continue;
        }
        lock(storage(parent));
        top.waiting = false;
        ++top.next;
      } else {
        const Frame done = top;
        pending_.resize(done.begin);
        frames_.pop_back();
        finish(done.tensor, done.again);
      }
    }
  }

  void begin(TensorId t, bool again) {
    require(!defined_[t], "a tensor is materialized that is defined");
    require(cells_[storage(t)].resident || cells_[storage(t)].locks == 0, "a locked storage is evicted");
    require(!cells_[storage(t)].banished, "a tensor of a banished storage is materialized");
    const std::span<const TensorId> all = parents(t);
    // Under banishing only what the client can still reach is touched.
    for (const TensorId p : all)
      if (!banishing() || cells_[storage(p)].references > 0) cells_[storage(p)].last_access = outcome_.clock;
    const size_t start = pending_.size();
    for (const TensorId p : all)
      if (defined_[p]) lock(storage(p));
      else pending_.push_back(p);
    frames_.push_back({t, again, false, start, start});
  }

  void finish(TensorId t, bool again) {
    make_room(operator_of(t).size);
    define(t, again);
    unlock_parents(t);
    if (outcome_.rematerialized > limits_.rematerialized) throw Thrashed();
  }

  void make_room(int64_t bytes) {
    while (used_ + bytes > limits_.budget + fault(Fault::simrd_budget_off_by_one)) {
      if (pool_.size() == 0) throw OutOfMemory();
      ++outcome_.evictions;
      evict(victim());
    }
  }

  // The operator runs and makes all its outputs; those that were there already are given back.
  void define(TensorId t, bool again) {
    const Operator& o = operator_of(t);
    outcome_.clock += o.cost;
    used_ += o.size;
    outcome_.peak = std::max(outcome_.peak, used_);
    if (again) outcome_.rematerialized += o.cost;
    now_resident_.clear();
    defined_now_.clear();
    const auto include = [&](TensorId u) {
      const StorageId s = storage(u);
      if (!cells_[s].resident) now_resident_.push_back(s);
      if (defined_[u]) used_ -= schedule_.tensor_sizes[u];
      else defined_now_.push_back(u);
    };
    for (TensorId u = o.first; u < o.first + o.outputs; ++u)
      if (u != t) include(u);
    include(t);
    for (const TensorId u : defined_now_) {
      cells_[storage(u)].resident = true;
      defined_[u] = true;
    }
    for (const StorageId s : now_resident_) {
      require(cells_[s].locks == 0, "a locked storage becomes evictable");
      pool_.push(s);
    }
    graph_.computed(now_resident_);
  }

  void unlock_parents(TensorId t) {
    if (!banishing()) {
      for (const TensorId p : parents(t)) unlock(storage(p));
      return;
    }
    // Banishing a parent takes it out of this very list, and the parent after it is then passed over: simrd removes
    // from the list that it walks. What is passed over stays locked.
    for (size_t i = 0; i < parents_[t].size(); ++i) {
      const StorageId s = storage(parents_[t][i]);
      unlock(s);
      for (const TensorId u : defined_now_) independ(u, s);
      try_banish(s);
    }
  }

  // --- locks, eviction ------------------------------------------------------------------------------

  void lock(StorageId s) {
    Cell& cell = cells_[s];
    require(cell.resident && !cell.banished, "an evicted storage is locked");
    if (cell.locks++ > 0) return;
    require(pool_.has(s), "a storage without locks is not evictable");
    pool_.remove(s);
  }

  void unlock(StorageId s) {
    Cell& cell = cells_[s];
    require(cell.resident && cell.locks > 0, "an evicted or unlocked storage is unlocked");
    if (--cell.locks == 0) pool_.push(s);
  }

  void pin(StorageId s) {
    require(cells_[s].resident, "an evicted storage is pinned");
    if (!std::exchange(cells_[s].pinned, true)) lock(s);
  }

  void evict(StorageId s) {
    Cell& cell = cells_[s];
    require(cell.locks == 0, "a locked storage is evicted");
    if (pool_.has(s)) pool_.remove(s);
    cell.resident = false;
    used_ -= cell.size;
    for (const TensorId t : schedule_.tensors[s]) {
      if (t >= made_) break;
      if (!fault(Fault::simrd_aliases_stay_defined) || t == schedule_.tensors[s].front()) defined_[t] = false;
      if (banishing())
        for (const TensorId p : parents_[t]) depend(t, storage(p));
    }
    graph_.evicted(s);
  }

  // --- the choice of a victim -----------------------------------------------------------------------

  StorageId victim() {
    switch (heuristic_.choice) {
      case Heuristic::Choice::random: {
        ++outcome_.evaluations;
        ++outcome_.accesses;
        return pool_.storages()[random_.below(static_cast<uint32_t>(pool_.size()))];
      }
      case Heuristic::Choice::least_recent: return least_recent();
      case Heuristic::Choice::least_score: break;
    }
    switch (heuristic_.cost) {
      case Cost::none: return least_score([](StorageId) { return 1; });
      case Cost::local: return least_score([&](StorageId s) { return cells_[s].cost; });
      case Cost::ancestors:
        return least_score([&](StorageId s) { return cells_[s].cost + graph_.region_cost(Graph::ancestors, s); });
      case Cost::regions:
        return least_score([&](StorageId s) {
          return cells_[s].cost + graph_.region_cost(Graph::descendants, s) + graph_.region_cost(Graph::ancestors, s);
        });
      case Cost::classes: return least_score([&](StorageId s) { return cells_[s].cost + graph_.classes_cost(s); });
      case Cost::estar:
        return least_score([&](StorageId s) { return graph_.neighborhood(s).cost; });
      case Cost::evicted_ancestors:
        return least_score([&](StorageId s) { return cells_[s].cost + graph_.evicted_ancestors_cost(s); });
      case Cost::neighborhood: break;
    }
    return first_of_least([&](StorageId s) {
      const Graph::Neighborhood all = graph_.neighborhood(s);
      return score(s, all.cost, all.last_access);
    });
  }

  StorageId least_recent() {
    StorageId best = -1;
    int64_t least = INT64_MAX;
    for (const StorageId s : pool_.storages())
      if (cells_[s].last_access <= least) {
        least = cells_[s].last_access;
        best = s;
      }
    count_evaluations(pool_.size());
    return best;
  }

  template <class CostOf>
  StorageId least_score(CostOf&& cost_of) {
    return first_of_least([&](StorageId s) { return score(s, cost_of(s), cells_[s].last_access); });
  }

  Score score(StorageId s, int64_t cost, int64_t last_access) const {
    return {cost, heuristic_.size ? static_cast<uint64_t>(cells_[s].size) : 1,
            heuristic_.staleness ? static_cast<uint64_t>(outcome_.clock - last_access) : 1};
  }

  // The latest among those of least score, but the first whose score is 0 ends the search.
  template <class ScoreOf>
  StorageId first_of_least(ScoreOf&& score_of) {
    const std::span<const StorageId> all = pool_.storages();
    Score best = score_of(all[0]);
    size_t chosen = 0, i = 0;
    while (best.near != 0 && ++i < all.size()) {
      const Score next = score_of(all[i]);
      if (at_most(next, best)) {
        best = next;
        chosen = i;
      } else if (next.near == 0) {
        break;
      }
    }
    count_evaluations(std::min(i + 1, all.size()));
    return all[chosen];
  }

  void count_evaluations(size_t n) {
    outcome_.evaluations += static_cast<int64_t>(n);
    outcome_.accesses += static_cast<int64_t>(n);
  }

  // --- banishing ------------------------------------------------------------------------------------

  std::span<const TensorId> parents(TensorId t) const {
    if (banishing()) return parents_[t];
    return schedule_.inputs[schedule_.operator_of[t]];
  }

  // `parent`, another storage than t's own, has t as an evicted dependent from now on, or no longer.
  void depend(TensorId t, StorageId parent) {
    std::vector<StorageId>& on = depends_[t];
    if (parent == storage(t) || std::find(on.begin(), on.end(), parent) != on.end()) return;
    on.push_back(parent);
    ++evicted_dependents_[parent];
  }

  void independ(TensorId t, StorageId parent) {
    if (std::erase(depends_[t], parent) > 0) --evicted_dependents_[parent];
  }

  // A storage without references or evicted dependents is freed for good, pinned and constant ones too, and its
  // dependents are pinned: nothing can recompute them any more.
  void try_banish(StorageId s) {
    Cell& cell = cells_[s];
    if (cell.references > 0 || evicted_dependents_[s] > 0) return;
    if (cell.resident) {
      cell.locks = 0;
      evict(s);
    }
    for (const TensorId t : schedule_.tensors[s]) {
      if (t >= made_) break;
      for (const TensorId p : parents_[t]) independ(t, storage(p));
      for (const OperatorId reader : schedule_.readers[t]) {
        const Operator& o = schedule_.operators[reader];
        if (o.first >= made_) break;
        for (TensorId c = o.first; c < o.first + o.outputs; ++c) {
          if (storage(c) == s || cells_[storage(c)].banished) continue;
          const auto place = std::find(parents_[c].begin(), parents_[c].end(), t);
          require(place != parents_[c].end(), "a dependent does not know its parent");
          parents_[c].erase(place);
          pin(storage(c));
        }
      }
    }
    graph_.detached(s);
    cell.banished = true;
  }

  StorageId storage(TensorId t) const { return schedule_.storage_of[t]; }
  const Operator& operator_of(TensorId t) const { return schedule_.operators[schedule_.operator_of[t]]; }
  bool banishing() const { return deallocation_ == Deallocation::banish; }

  const Schedule& schedule_;
  const Heuristic heuristic_;
  const Deallocation deallocation_;
  const Limits limits_;
  std::vector<Cell> cells_;
  std::vector<uint8_t> defined_;  // tensor ->
  Pool pool_;
  Graph graph_;
  PythonRandom random_{0};
  TensorId made_ = 0;  // tensors so far
  int64_t used_ = 0;
  Outcome outcome_{Outcome::Status::finished, 1, 0, 0, 0, 0, 0};
  std::vector<Frame> frames_;
  std::vector<TensorId> pending_;
  // Of the latest operator: what it made resident and defined, siblings first.
  std::vector<StorageId> now_resident_;
  std::vector<TensorId> defined_now_;
  // Under banishing only.
  std::vector<std::vector<TensorId>> parents_;   // tensor -> what it still reads
  std::vector<std::vector<StorageId>> depends_;  // tensor -> storages that have it as an evicted dependent
  std::vector<int32_t> evicted_dependents_;      // storage -> how many it has
};

}  // namespace

Surroundings Heuristic::surroundings() const {
  switch (cost) {
    case Cost::none:
    case Cost::local: return Surroundings::none;
    case Cost::ancestors:
    case Cost::regions: return Surroundings::regions;
    case Cost::classes: return Surroundings::classes;
    case Cost::neighborhood:
    case Cost::estar:
    case Cost::evicted_ancestors: return Surroundings::search;
  }
  return Surroundings::none;
}

Outcome run(const Schedule& schedule, Heuristic heuristic, Deallocation deallocation, Limits limits) {
  return Machine(schedule, heuristic, deallocation, limits).run();
}

}  // namespace dtr::simrd
