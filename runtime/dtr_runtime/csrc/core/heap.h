// SPDX-License-Identifier: Apache-2.0
// What the engine knows of each storage, call and kept version, and the edges between them.
// A collected storage leaves behind eight bytes: its entry in the table from ids.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "engine.h"
#include "eqclass.h"
#include "few.h"
#include "row.h"

namespace dtr {

// A call that some chain may replay. Reused when no chain holds it any more.
struct CallRecord {
  CallId id;
  Cost cost;
  int32_t references;
  Few<Version, 4> reads;     // distinct storages, in argument order
  Few<StorageId, 2> writes;  // overwritten storages, in argument order
  Few<StorageId, 2> fresh;
};

// One version that a storage's recipe reads. If it is the source's current version, the source
// lists the reader at `position`; if it is a kept one, the heap counts its readers.
struct Read {
  static constexpr int32_t kept = -1;
  Version version;
  int32_t position;
};

struct Reader {
  StorageId storage;
  int32_t read;  // index into the reader's reads
};

// Why a storage has no recipe.
enum class Reason : uint8_t { none, constant, held, born_held, pinned };

// What each call that reads it looks at comes first, in two lines of the processor's cache.
struct alignas(64) Storage {
  StorageId id;
  int32_t slot;  // no other living storage has it
  int32_t version;
  int32_t handles;
  int32_t locks;
  int32_t evictable_at;  // position among the evictable storages, or -1
  Reason reason;
  bool resident;
  bool rematerializing;
  bool waiting;  // to be banished
  bool changed = false;  // and listed for the policy
  bool fallen = false;   // and listed
  Bytes size;
  Cost cost;  // of the chain
  Cost last_access;
  int64_t sequence;  // when it became evictable
  Few<Reader, 4> readers;    // storages whose recipe reads the current version
  mutable int64_t searched;  // the last round of a graph search that met it
  mutable int64_t watching;  // the round in which it began to watch the classes beside it, or 0
  EqClasses::Node node;  // while evicted
  Few<CallRecord*, 2> chain;  // the creating call, then the mutating ones
  Few<Read, 4> reads;         // of other storages by the chain, distinct, in order

  bool recoverable() const { return reason == Reason::none; }
};

// A version that was copied aside before it was overwritten.
struct Kept {
  Bytes size;
  int32_t readers;
};

// Which costs of evictable storages a policy looks at that fall when another storage is evicted no longer.
enum class Falls : uint8_t { none, of_readers, of_both_directions, of_classes };

class Heap {
 public:
  // --- storages ---
  StorageId create(Bytes size, Reason);
  // Drops all that is known of a storage whose recipe has been forgotten and that nothing reads.
  void destroy(StorageId);
  bool alive(StorageId id) const { return by_id_[id] != nullptr; }
  Storage& operator[](StorageId id) { return *by_id_[id]; }
  const Storage& operator[](StorageId id) const { return *by_id_[id]; }
  bool current(Version v) const { return alive(v.storage) && (*this)[v.storage].version == v.number; }
  StorageId count() const { return static_cast<StorageId>(by_id_.size()); }
  const Storage& in_slot(int32_t slot) const { return storages_[slot]; }
  template <class F>
  void for_each(F&& f) const {
    for (size_t slot = 0; slot < storages_.size(); ++slot)
      if (const Storage& s = storages_[slot]; s.id >= 0) f(s);
  }

  // --- recipes ---
  CallRecord* open_call(CallId);
  void close_call(CallRecord*);  // drops one reference
  // Throws if a call of so much cost, as part of the recipes of so many storages, is more than can be counted.
  void require_room_for_cost(Cost, size_t storages) const;
  // The call becomes the last of the storage's chain, whose recipe now reads what the call reads.
  void extend(StorageId, CallRecord*);
  // Drops the recipe; puts the versions that it read, in order, in place of what is in `versions`.
  void forget(StorageId, Reason, std::vector<Version>& versions);

  // --- kept versions ---
  void keep(Version, Bytes);
  bool kept(Version v) const { return kept_.contains(key(v)); }
  // Drops the version if it is kept and unread: its bytes, or -1 if there is nothing to drop.
  Bytes drop_if_unread(Version);

  // --- evictable storages: resident, recoverable, unlocked ---
  void make_evictable(Storage&);
  void make_unevictable(Storage&);
  const std::vector<Storage*>& evictable() const { return evictable_; }

  // --- what policies remember of evictable storages ---
  void notice(Falls falls) { falls_ = falls; }
  void access(Storage&, Cost clock);
  // Calls f once on each slot whose storage has, since the last time, become evictable or ceased to be, been
  // accessed, or seen such a cost fall. Only `slot` of it is to be read where none is evictable there.
  template <class F>
  void take_changes(F&& f) {
    if (!fallen_.empty()) change_around_fallen();
    for (const int32_t slot : changed_) {
      storages_[slot].changed = false;
      f(storages_[slot]);
    }
    changed_.clear();
  }
  // From now on, once, a fall of the cost of the class with this root is a change of s.
  void watch(const Storage& s, EqClasses::Node root) const {
    classes_.watch(root, {s.slot, s.watching}, [&](const EqClasses::Watcher& w) { return watches(w); });
  }

  // --- residency, which the classes follow ---
  void set_evicted(Storage&);
  void set_resident(Storage&);

  // A number greater than all marks that earlier graph searches left.
  int64_t new_round() const { return ++round_; }
  EqClasses& classes() const { return classes_; }

 private:
  static uint64_t key(Version v) {
    return static_cast<uint64_t>(static_cast<uint32_t>(v.storage)) << 32 | static_cast<uint32_t>(v.number);
  }
  void unread(const Read&);
  void change(Storage&);
  bool watches(const EqClasses::Watcher& w) const { return storages_[w.seat].watching == w.stamp; }
  void leave_class(Storage&);
  void fall(Storage&);
  void change_around_fallen();

  std::vector<Storage*> by_id_;  // null once destroyed
  Row<Storage> storages_;  // by slot
  std::vector<int32_t> free_slots_;
  Row<CallRecord> calls_;
  std::vector<CallRecord*> free_calls_;
  std::unordered_map<uint64_t, Kept> kept_;
  std::vector<Storage*> evictable_;
  int64_t sequence_ = 0;
  mutable int64_t round_ = 0;
  mutable EqClasses classes_;
  Cost recorded_ = 0;  // of all storages that exist: no neighborhood and no class costs more
  Falls falls_ = Falls::none;
  std::vector<int32_t> changed_;
  std::vector<int32_t> fallen_;  // slots from where evicted neighborhoods may have shrunk
};

// Calls f on each evicted storage that s's recipe reads, and on each whose recipe reads s.
template <class F>
void for_evicted_sources(const Heap& heap, const Storage& s, F&& f) {
  for (const Read& read : s.reads)
    if (read.position != Read::kept)
      if (const Storage& source = heap[read.version.storage]; !source.resident) f(source);
}
template <class F>
void for_evicted_readers(const Heap& heap, const Storage& s, F&& f) {
  for (const Reader& reader : s.readers)
    if (const Storage& other = heap[reader.storage]; !other.resident) f(other);
}

// Calls f on the root of each class beside s.
template <class F>
void for_adjacent_classes(const Heap& heap, const Storage& s, F&& f) {
  const int64_t round = heap.new_round();
  const auto meet = [&](const Storage& other) {
    const EqClasses::Node root = heap.classes().find(other.node);
    if (heap.classes().first(root, round)) f(root);
  };
  for_evicted_sources(heap, s, meet);
  for_evicted_readers(heap, s, meet);
}

}  // namespace dtr
