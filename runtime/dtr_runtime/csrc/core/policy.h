// SPDX-License-Identifier: Apache-2.0
// Policies: what resolves the machine's one real choice, which storage to evict.
#pragma once

#include "heap.h"
#include "neighborhood.h"
#include "rational.h"

namespace dtr {

// What a heuristic may know of an evictable storage; mirrors dtr_spec.policy.StorageView.
class StorageView {
 public:
  StorageView(const Heap& heap, const Storage& storage) : heap_(&heap), storage_(&storage) {}
  StorageId index() const { return storage_->id; }
  Bytes size() const { return storage_->size; }
  Cost cost() const { return storage_->cost; }
  Cost last_access() const { return storage_->last_access; }
  int64_t sequence() const { return storage_->sequence; }
  Cost neighborhood_cost() const { return dtr::neighborhood_cost(*heap_, *storage_); }
  Cost class_cost() const { return dtr::class_cost(*heap_, *storage_); }
  Cost watched_class_cost() const { return dtr::watched_class_cost(*heap_, *storage_); }
  Cost ancestors_cost() const { return dtr::ancestors_cost(*heap_, *storage_); }
  int64_t aliases() const { return storage_->handles; }
  int64_t dependents() const { return static_cast<int64_t>(storage_->readers.size()); }

 private:
  const Heap* heap_;
  const Storage* storage_;
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Which falling costs the heap must tell it of, as changes.
  virtual Falls falls() const { return Falls::none; }
  // The victim among the evictable storages, of which there is at least one. What it throws ends
  // the command under way.
  virtual StorageId choose(Heap&, Cost clock) = 0;
};

}  // namespace dtr
