// SPDX-License-Identifier: Apache-2.0
#include "../core/simulator.h"

#include <pybind11/stl.h>

#include "bind.h"

namespace py = pybind11;

namespace dtr {
namespace {

using Kind = Command::Kind;

Command constant(Bytes size) { return {.kind = Kind::constant, .size = size}; }

Command call(std::vector<StorageId> inputs, std::vector<int32_t> writes, std::vector<Bytes> outputs, Cost cost,
             std::vector<Bytes> profile) {
  return {.kind = Kind::call,
          .call = {std::move(inputs), std::move(writes)},
          .outputs = std::move(outputs),
          .cost = cost,
          .profile = std::move(profile)};
}

template <Kind kind>
Command on_handle(int64_t handle, StorageId storage) {
  return {.kind = kind, .handle = handle, .storage = storage};
}

py::dict simulate(std::vector<Command> program, Bytes budget, const py::object& heuristic,
                  const std::string& deallocation, bool record, bool scan) {
  const Choice choice = scan ? Choice::by_scan : Choice::by_tournament;
  Simulator simulator(
      std::move(program), budget, policy_from(heuristic, choice), deallocation_from(deallocation));
  simulator.engine().set_recording(record);
  const auto failure = simulator.run();
  const Engine& engine = simulator.engine();
  py::dict result;
  result["events"] = to_list(engine.events());
  result["failure"] = failure ? py::cast(std::string(failure->what())) : py::none();
  result["clock"] = engine.clock();
  result["used"] = engine.used();
  result["counters"] = to_dict(engine.counters());
  return result;
}

}  // namespace

Deallocation deallocation_from(const std::string& name) {
  if (name == "eager") return Deallocation::eager;
  if (name == "ignore") return Deallocation::ignore;
  if (name == "banish") return Deallocation::banish;
  throw std::invalid_argument("unknown deallocation policy '" + name + "'; known are eager, ignore, banish");
}

py::dict to_dict(const Counters& c) {
  py::dict d;
  d["evictions"] = c.evictions;
  d["rematerializations"] = c.rematerializations;
  d["computed"] = c.computed;
  d["rematerialized"] = c.rematerialized;
  d["peak"] = c.peak;
  d["constant"] = c.constant;
  d["held"] = c.held;
  d["born_held"] = c.born_held;
  d["pinned"] = c.pinned;
  d["kept"] = c.kept;
  d["evictable"] = c.evictable;
  return d;
}

py::list to_list(const Row<Event>& events) {
  std::vector<py::str> names;
  for (int rule = 0; rule <= static_cast<int>(Rule::out_of_memory); ++rule)
    names.emplace_back(name(static_cast<Rule>(rule)));
  py::list list(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& e = events[i];
    list[i] = py::make_tuple(names[static_cast<size_t>(e.rule)], e.subject, e.detail, e.used);
  }
  return list;
}

void bind_simulator(py::module_& m) {
  py::class_<Command>(m, "Command", py::module_local())
      .def_static("constant", &constant, py::arg("size"))
      .def_static("call", &call, py::arg("inputs"), py::arg("writes"), py::arg("outputs"), py::arg("cost"),
                  py::arg("profile"))
      .def_static("alias", &on_handle<Kind::alias>, py::arg("handle"), py::arg("storage"))
      .def_static("release", &on_handle<Kind::release>, py::arg("handle"), py::arg("storage"))
      .def_static("pin", &on_handle<Kind::pin>, py::arg("handle"), py::arg("storage"));
  m.def("simulate", &simulate, py::arg("program"), py::arg("budget"), py::arg("heuristic"), py::arg("deallocation"),
        py::arg("record"), py::arg("scan") = false,
        "scan: each choice looks at every evictable storage, as the heuristic's definition says.");
}

}  // namespace dtr
