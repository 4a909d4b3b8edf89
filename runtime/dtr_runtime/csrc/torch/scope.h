// SPDX-License-Identifier: Apache-2.0
// A scope: the engine's host on torch's tensors. It sees every operator call (interpose.h) of its thread
// and every allocation (ledger.h; on a device, their sums: device.h), tells the engine, and does what
// the engine decides.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/SmallVector.h>
#include <c10/util/flat_hash_map.h>

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../core/engine.h"
#include "../core/row.h"
#include "arguments.h"
#include "cost.h"
#include "device.h"
#include "generators.h"
#include "ledger.h"
#include "needs.h"
#include "numerics.h"
#include "operators.h"
#include "recorder.h"
#include "turn.h"

namespace dtr {

class Scope;
struct Record;

// A storage as the scope knows it. Its bytes are `data`, whether the client's storage still lives
// or only recipes need them. What each call that meets it looks at shares a line of the processor's cache.
struct alignas(64) Node {
  Scope* scope;
  StorageId id;
  int32_t slot = 0;                     // position among the inputs of call number `serial`
  int64_t serial = 0;
  Bytes size;
  void* data = nullptr;                 // null while evicted
  c10::StorageImpl* client = nullptr;   // where the client sees it; null if dead or not met yet
  int32_t version = 0;
  bool handle = true;                   // the client's storage lives
  bool exposed = false;                 // somebody may write to the bytes behind the operators
  c10::SmallVector<Record*, 2> chain;   // the calls that produce it, creation first, as in the engine
  std::vector<uint64_t> prints;         // after each call of the chain, when verifying
  c10::Storage foreign;                 // kept alive: memory that is not torch's
  c10::Storage held;                    // on a device, while evicted: the client's storage
};

// What it takes to run a call again.
struct Record {
  std::optional<c10::OperatorHandle> op;
  const Operator* known;
  c10::DispatchKeySet keys;
  RecordedArguments arguments;
  c10::SmallVector<Version, 4> inputs;
  c10::SmallVector<int32_t, 2> writes;  // positions in inputs
  c10::SmallVector<StorageId, 2> outputs;
  c10::SmallVector<Bytes, 2> sizes;
  const Numerics* numerics;
  at::Generator generator;
  std::shared_ptr<const RandomState> random;
  Bytes created = 0;                    // of the memory that the call is the first to write, if it is
  c10::SmallVector<Bytes, 2> pieces;    // on a device: asked for (positive) and given back, in order
  Need* need = nullptr;
  bool hasty = false;
  int32_t users = 0;  // storages whose chain the call is in
};

enum class Clock : uint8_t { logical, measured };

// How a failure becomes the client's exception; set by the Python bindings.
struct Failures {
  [[noreturn]] void (*budget)(const OutOfMemory&, const std::string& where);
  [[noreturn]] void (*nondeterministic)(const std::string& op, const std::string& what);
  // The exception in flight becomes Python's at once, and carries a positive number through whatever Python does.
  [[noreturn]] void (*number)(int64_t);
  // The number that an exception carries; 0 if it carries none.
  int64_t (*number_of)(const std::exception_ptr&);
  // Whether it is torch's of an allocator that is out of memory, be it raised by way of Python.
  bool (*exhausted)(const std::exception_ptr&);
};
extern Failures failures;

class Scope final : public Host, public Keeper, public std::enable_shared_from_this<Scope> {
 public:
  // `device`: null for the CPU.
  Scope(
      Bytes budget, std::unique_ptr<Policy>, Deallocation, Clock, bool verify, bool record,
      std::unique_ptr<DeviceMemory> device);
  ~Scope() override;

  // From here on the budget holds for all memory of torch's allocator.
  void enter();
  // Makes all living tensors resident; they are ordinary tensors afterwards. Rethrows the first
  // failure, after lifting the budget and doing it nevertheless.
  void leave();
  // A client's operator call, at the interposed dispatch key.
  void call(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack*);
  // Makes a storage resident for good (for accesses that bypass operators).
  void pin(c10::StorageImpl&);
  // The same, for who may write through a raw pointer: what was computed from the bytes stays as well,
  // and so does what will be.
  void expose(c10::StorageImpl&);
  static bool evicted(c10::StorageImpl&);

  const Engine& engine() const { return engine_; }
  const Recorder& recorder() const { return recorder_; }
  int64_t calls() const { return calls_; }
  // Nanoseconds spent in the client's calls, but for their kernels.
  int64_t overhead() const { return nanoseconds(overhead_); }
  // Bytes that a device's allocator has had reserved, at most; 0 on the CPU.
  Bytes reserved() const;
  // By how many bytes calls of an operator exceeded the budget on a device, at most.
  const std::map<std::string, Bytes>& overshoots() const { return overshoots_; }

  // Keeper
  StorageId request(Bytes) override;
  bool small_change() const override;
  void obtained(void*, const Block&) override;
  void refused(const Block&) override;
  bool returned(void*, const Block&) override;

  // Host
  void evict(StorageId) override;
  void collect(StorageId) override;
  void forget(StorageId) override;
  void keep(Version) override;
  void drop(Version) override;
  void replay(CallId, StorageId target, int32_t stage) override;
  void take(CallId, int32_t output, StorageId) override;
  void discard(CallId, int32_t output) override;
  void finish(StorageId target) override;
  void cancel(StorageId target) override;

 private:
  // Who is at work: the client, the engine, or a kernel (the client's or a replayed one).
  enum class Phase : uint8_t { idle, deciding, running };
  class PhaseGuard;
  class Unlocked;

  // Records are reused: most live for one step.
  struct Recycle {
    Scope* scope;
    void operator()(Record* record) const { scope->recycle(record); }
  };
  struct Output {
    c10::StorageImpl* storage;
    void* data;
    Bytes size;
  };
  using Outputs = c10::SmallVector<Output, 2>;
  struct Copy {
    Node* node;
    void* data;
  };
  struct Random {
    at::Generator generator;
    StorageId id;
    std::shared_ptr<const RandomState> last;
  };
  // How a tensor was before a call that may give it another shape or storage.
  struct Form {
    at::Tensor tensor;
    c10::Storage storage;
    c10::SmallVector<int64_t, 4> sizes, strides;
    int64_t offset;
    void restore() const;
  };
  // A call under way.
  struct Call {
    const Operator* known;
    std::unique_ptr<Record, Recycle> record{};
    bool opaque = false;   // has tensors without strided bytes: cannot be replayed
    bool exposed = false;  // reads bytes that may change unseen: its results must stay
    Bytes bytes = 0;       // of its tensor arguments
    int64_t products = 0;
    Cost cost = 1;
    int64_t nanoseconds = 0;  // in the kernel, under the measured clock
    Ticks inside = 0;         // in the kernel
    Random* random = nullptr;
    c10::SmallVector<int32_t, 6> slots{};  // of its tensor arguments with storages, in order
    c10::SmallVector<StorageId, 2> written{};
    c10::SmallVector<c10::StorageImpl*, 2> targets{};  // what it overwrites, empty storages included
    std::vector<Copy> backups{};  // of what it overwrites, in case it fails
    std::vector<Form> forms{};    // of what it may reshape, likewise; kept to its end, as storages die with them
    bool guarded = false;         // the backups are made
    bool hasty = false;           // may overwrite before it has asked for all its memory
    Output created{};             // memory that it is the first to write
    Need* need = nullptr;         // on a device
    c10::SmallVector<Bytes, 2> pieces{};
    bool elsewhere = false;       // reads tensors of another device
  };

  // scope.cpp
  void pin(StorageId);
  void pin_all(c10::ArrayRef<StorageId>);
  void pin_computed_from(StorageId);
  void disown();
  // Runs f, on behalf of the operator or whatever else is named; the engine's refusal becomes the client's
  // exception, and recording ends.
  template <typename F>
  auto within_budget(const char* where, F f);

  // call.cpp
  bool too_much_at_once(const Operator&, c10::ArrayRef<c10::IValue> arguments);
  void split(const c10::OperatorHandle&, const Operator&, c10::DispatchKeySet, torch::jit::Stack*);
  void execute(Call&, const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack*);
  void gather(Call&, c10::ArrayRef<c10::IValue> arguments);
  int32_t slot_of(Node&);
  void draw(Call&, c10::ArrayRef<c10::IValue> arguments);
  void prepare(Call&, const c10::OperatorHandle&, c10::DispatchKeySet, c10::ArrayRef<c10::IValue> arguments);
  const Numerics& numerics();
  void begin(Call&);
  Outputs outputs(c10::ArrayRef<c10::IValue> results, c10::ArrayRef<c10::StorageImpl*> targets);
  void pin_inputs();
  void conclude(Call&, c10::ArrayRef<c10::IValue> results);
  void commit(Call&, const Outputs&);
  void keep_recipe(Call&, const std::vector<StorageId>& made);

  // kernel.cpp
  void snapshot_generator(Call&);
  void run(Call&, const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack*);
  void ask_for_a_byte();
  void launch(const c10::OperatorHandle&, const Operator&, c10::DispatchKeySet, torch::jit::Stack*);
  void piece(Bytes);
  void ask(Bytes);
  [[noreturn]] void refuse();
  void guard_writes();
  void note_forms(Call&, c10::ArrayRef<c10::IValue> arguments);
  void free_backups(Call&);
  void give_up(Call&, int64_t refused_before);
  void release_blocks();

  // pending.cpp: memory handed out that nobody has written yet
  enum class Use : uint8_t { fills, overwrites, other };
  Use use_of_pending(const Operator&, c10::ArrayRef<c10::IValue> arguments) const;
  void resolve_pending(Call&, c10::ArrayRef<c10::IValue> arguments);
  void close_pending(bool recoverable);
  void fill(Call&);
  void settle();
  void tidy();
  void let_go_foreign();

  // device_scope.cpp
  static constexpr Bytes kFirstRelief = 1 << 20;
  bool concerns_device(const Operator&, c10::ArrayRef<c10::IValue> arguments) const;
  bool by_value(const at::Tensor&) const;
  void make_ready(Call&, const c10::OperatorHandle&, c10::ArrayRef<c10::IValue> arguments);
  void reserve(Call&, Bytes);
  void run_on_device(Call&, torch::jit::Stack*, size_t returns, const std::function<void()>& kernel);
  void correct(Call&, Bytes reserved, Bytes demand, Bytes total);
  void rerun_on_device(const Record&, torch::jit::Stack*, const std::function<void()>& kernel);
  void insist(
      torch::jit::Stack*, size_t arguments, bool repeatable, const std::function<void()>& kernel,
      const std::function<void()>& undo);
  Bytes meter(Need&, const Operator&, const Reading& before);
  std::vector<c10::StorageImpl*> new_storages(c10::ArrayRef<c10::IValue> results, const Reading& before);
  void enter_fresh(const std::vector<c10::StorageImpl*>&);
  void notice_moved(Node&);
  Node& adopt(c10::StorageImpl&);
  void bury(Node&);
  void bury_dead();
  void find_dead(std::vector<StorageId>& among);
  Bytes uncounted(Bytes reserved) const;
  void reconcile();
  void account_outside(Bytes);
  void enter_device();
  void disown_device();

  // replay.cpp
  void rerun(const Record&, const std::vector<c10::Storage>& inputs);
  void release_copies();

  // storages.cpp
  Node& node(StorageId id) { return *nodes_[id]; }
  Record* recycled();
  void recycle(Record*);
  Node& add(StorageId, Bytes, void* data);
  Node* find(c10::StorageImpl*);
  Node& constant(Bytes, void* data);
  void attach(Node&, void* data);
  void keep_wreck(Node&);
  void die(Node&);
  void unchain(Node&);
  void* data(Version);
  Bytes size(Version);
  void* obtain(Bytes, StorageId owner);
  static void on_death(void* node);
  void died(Node&);
  Random& random(const at::Generator&);
  void link(Node&, Record*);
  void verify(const Node&, size_t stage, const void* data);

  const std::unique_ptr<DeviceMemory> device_;  // null for the CPU
  Memory& memory_;
  Engine engine_;
  Recorder recorder_;
  const Clock clock_;
  const bool verify_;
  std::recursive_mutex serial_mutex_;  // one call at a time
  Phase phase_ = Phase::idle;
  const Operator* kernel_ = nullptr;  // whose kernel runs, in that phase
  const char* where_ = "";            // on whose behalf memory is asked for
  bool active_ = false;
  int64_t calls_ = 0;
  Ticks overhead_ = 0;

  std::vector<Node*> nodes_;  // by id; null once collected
  Row<Node> node_arena_;
  std::vector<Node*> spare_nodes_;
  Row<Record> record_arena_;
  std::vector<Record*> spare_records_;
  ska::flat_hash_map<c10::StorageImpl*, StorageId> foreign_;
  std::map<std::pair<StorageId, int32_t>, void*> kept_;
  std::vector<std::unique_ptr<Random>> generators_;
  std::deque<Numerics> numerics_;      // all that recorded calls have met
  const Numerics* latest_ = nullptr;   // of the latest one
  ContextImage context_;               // before they were read

  CallSpec spec_;                    // of the call under way
  std::vector<Bytes> sizes_;         // of its results
  Call* current_ = nullptr;          // the client's call whose kernel runs
  int64_t refusals_ = 0;             // kernels' requests for memory that failed, so far
  int64_t over_budget_ = 0;          // the last of them that the engine refused
  std::vector<void*> blocks_;        // memory that the call under way holds
  std::vector<StorageId> deaths_;    // storages that died while the engine or a kernel was at work
  std::vector<void*> unclaimed_;     // memory that outlives a call without being its result
  std::unique_ptr<Call> pending_;
  Output pending_output_{};

  std::map<StorageId, void*> rebuilt_;   // buffers between the stages of a rematerialization
  std::vector<void*> replayed_;          // outputs of the call just replayed
  std::vector<void*> copies_;            // what it overwrote besides its target
  bool replaying_ = false;

  // On a device.
  std::optional<c10::Stream> stream_;  // the only one in use
  std::vector<StorageId> living_;      // whose deaths are looked for
  std::vector<StorageId> suspects_, older_suspects_;  // of the last two calls: looked at first
  std::vector<StorageId> outside_;     // constants for bytes of unknown owners
  Bytes outside_bytes_ = 0;
  Bytes foreign_bytes_ = 0;  // of storages that the allocator does not count
  Bytes most_reserved_ = 0;
  std::map<std::string, Bytes> overshoots_;
};

template <typename F>
auto Scope::within_budget(const char* where, F f) {
  where_ = where;
  try {
    return f();
  } catch (const OutOfMemory& error) {
    recorder_.stop();
    failures.budget(error, where);
  } catch (...) {
    if (engine_.stopped_recording()) recorder_.stop();
    throw;
  }
}

class Scope::PhaseGuard {
 public:
  PhaseGuard(Scope& scope, Phase phase) : scope_(scope), before_(scope.phase_) { scope.phase_ = phase; }
  ~PhaseGuard() { scope_.phase_ = before_; }
  PhaseGuard(const PhaseGuard&) = delete;
  PhaseGuard& operator=(const PhaseGuard&) = delete;

 private:
  Scope& scope_;
  Phase before_;
};

// While a kernel runs, its worker threads may ask for memory: the lock is theirs.
class Scope::Unlocked {
 public:
  explicit Unlocked(Scope& scope) : scope_(scope) { scope_.memory_.mutex().unlock(); }
  ~Unlocked() { turn(scope_.memory_.mutex()).release(); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  Scope& scope_;
};

}  // namespace dtr
