// SPDX-License-Identifier: Apache-2.0
#include <ATen/Context.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <pybind11/stl.h>
#include <torch/csrc/DynamicTypes.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/utils/pybind.h>

#include "../bind/bind.h"
#include "interpose.h"
#include "scope.h"
#include "turn.h"

namespace py = pybind11;

namespace dtr {
namespace {

[[noreturn]] void raise(const char* name, const py::dict& fields) {
  const py::object type = py::module_::import("dtr_runtime.errors").attr(name);
  PyErr_SetObject(type.ptr(), type(**fields).ptr());
  throw py::error_already_set();
}

[[noreturn]] void raise_budget(const OutOfMemory& error, const std::string& where) {
  py::gil_scoped_acquire gil;
  using namespace py::literals;
  raise("BudgetExceeded", py::dict("where"_a = where, "need"_a = error.need, "used"_a = error.used,
                                   "locked"_a = error.locked, "pinned"_a = error.pinned,
                                   "evictable"_a = error.evictable, "budget"_a = error.budget));
}

[[noreturn]] void raise_nondeterministic(const std::string& op, const std::string& what) {
  py::gil_scoped_acquire gil;
  using namespace py::literals;
  raise("NondeterministicOperator", py::dict("operator"_a = op, "what"_a = what));
}

constexpr const char* kNumber = "_dtr_number";

[[noreturn]] void number(int64_t number) {
  py::gil_scoped_acquire gil;
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    torch::translate_exception_to_python(std::current_exception());
  }
  py::error_already_set error;
  py::setattr(error.value(), kNumber, py::int_(number));
  throw error;
}

// What was raised in Python, which comes in either of two wrappings; null if nothing was.
py::object raised_in_python(const std::exception_ptr& raised) {
  try {
    std::rethrow_exception(raised);
  } catch (const py::error_already_set& error) {
    return error.value();
  } catch (python_error& error) {
    error.persist();
    return py::reinterpret_borrow<py::object>(error.value);
  } catch (...) {
    return {};
  }
}

int64_t number_of(const std::exception_ptr& raised) {
  py::gil_scoped_acquire gil;
  const py::object error = raised_in_python(raised);
  return error ? py::getattr(error, kNumber, py::int_(0)).cast<int64_t>() : 0;
}

bool exhausted(const std::exception_ptr& raised) {
  try {
    std::rethrow_exception(raised);
  } catch (const c10::OutOfMemoryError&) {
    return true;
  } catch (...) {
  }
  py::gil_scoped_acquire gil;
  const py::object error = raised_in_python(raised);
  return error && py::isinstance(error, py::module_::import("torch").attr("OutOfMemoryError"));
}

void wait_without_gil(std::recursive_mutex& mutex) {
  if (!PyGILState_Check()) return mutex.lock();
  py::gil_scoped_release others_may_run;
  mutex.lock();
}

// Of a device without an index, the current one; null for the CPU.
std::unique_ptr<DeviceMemory> device_memory(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  at::globalContext().lazyInitDevice(device.type());
  if (!device.has_index()) device = c10::impl::VirtualGuardImpl(device.type()).getDevice();
  return std::make_unique<DeviceMemory>(device);
}

std::shared_ptr<Scope> make(Bytes budget, const py::object& heuristic, const std::string& deallocation, bool measured,
                            bool verify, bool record, const std::string& device) {
  return std::make_shared<Scope>(budget, policy_from(heuristic), deallocation_from(deallocation),
                                 measured ? Clock::measured : Clock::logical, verify, record,
                                 device_memory(c10::Device(device)));
}

void enter(const std::shared_ptr<Scope>& scope) {
  interpose(scope);
  try {
    scope->enter();
  } catch (...) {
    stop_interposing();
    throw;
  }
}

using Access = void (Scope::*)(c10::StorageImpl&);

template <Access access>
void apply(const c10::Storage& storage) {
  const std::shared_ptr<Scope> scope = active_scope();
  py::gil_scoped_release no_gil;
  if (scope) (scope.get()->*access)(*storage.unsafeGetStorageImpl());
}

template <Access access>
void bind_access(py::module_& m, const std::string& name) {
  m.def(name.c_str(), [](const at::Tensor& tensor) {
    if (tensor.has_storage()) apply<access>(tensor.storage());
  });
  m.def((name + "_storage").c_str(), [](const py::object& storage) {
    apply<access>(torch::createStorage(storage.ptr()));
  });
}

void leave(Scope& scope) {
  struct Stop {
    ~Stop() { stop_interposing(); }
  } stop;
  py::gil_scoped_release no_gil;
  scope.leave();
}

// (kind, handle, size, op, inputs, outputs, mutates, cost, profile) for each command.
py::list commands(const Scope& scope) {
  const auto lock = turn(Ledger::instance().mutex());
  static constexpr const char* kinds[] = {"constant", "call", "release", "pin"};
  py::list list;
  for (const Asked& asked : scope.recorder().commands())
    list.append(py::make_tuple(kinds[static_cast<int>(asked.kind)], asked.handle, asked.size,
                               asked.op ? *asked.op : std::string(), asked.inputs, asked.outputs, asked.mutates,
                               asked.cost, asked.profile));
  return list;
}

py::list events(const Scope& scope) {
  const auto lock = turn(Ledger::instance().mutex());
  return to_list(scope.engine().events());
}

py::dict stats(const Scope& scope) {
  const auto lock = turn(Ledger::instance().mutex());
  py::dict stats = to_dict(scope.engine().counters());
  stats["calls"] = scope.calls();
  stats["used"] = scope.engine().used();
  stats["clock"] = scope.engine().clock();
  stats["overhead"] = scope.overhead();
  stats["reserved"] = scope.reserved();
  stats["overshoots"] = scope.overshoots();
  return stats;
}

}  // namespace

void bind_scope(py::module_& m) {
  failures = {&raise_budget, &raise_nondeterministic, &number, &number_of, &exhausted};
  wait_for = &wait_without_gil;
  m.def("install", [] {
    Ledger::instance();
    install();
  });
  m.def("adopt", [](const at::Tensor& tensor) {
    Ledger& ledger = Ledger::instance();
    const auto lock = turn(ledger.mutex());
    if (tensor.has_storage()) ledger.adopt(*tensor.storage().unsafeGetStorageImpl(), kNobody);
  });
  bind_access<&Scope::pin>(m, "pin");
  bind_access<&Scope::expose>(m, "expose");
  m.def("evicted", [](const at::Tensor& tensor) {
    return tensor.has_storage() && Scope::evicted(*tensor.storage().unsafeGetStorageImpl());
  });
  m.def("live_bytes", [] {
    Ledger& ledger = Ledger::instance();
    const auto lock = turn(ledger.mutex());
    return ledger.live();
  });
  py::class_<Scope, std::shared_ptr<Scope>>(m, "Scope", py::module_local())
      .def(py::init(&make), py::arg("budget"), py::arg("heuristic"), py::arg("deallocation"), py::arg("measured"),
           py::arg("verify"), py::arg("record"), py::arg("device"))
      .def("enter", &enter)
      .def("leave", &leave)
      .def("commands", &commands)
      .def("events", &events)
      .def("stats", &stats);
}

}  // namespace dtr
