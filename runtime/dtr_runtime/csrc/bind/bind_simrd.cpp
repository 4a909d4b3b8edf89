// SPDX-License-Identifier: Apache-2.0
#include "../core/simrd.h"

#include <pybind11/stl.h>

#include <memory>

#include "../core/simrd_score.h"
#include "bind.h"

namespace py = pybind11;

namespace dtr::simrd {
namespace {

template <class Value>
struct Named {
  const char* name;
  Value value;
};

constexpr Named<Cost> costs[] = {{"none", Cost::none},           {"local", Cost::local},
                                 {"ancestors", Cost::ancestors}, {"regions", Cost::regions},
                                 {"classes", Cost::classes},     {"neighborhood", Cost::neighborhood},
                                 {"estar", Cost::estar},         {"evicted_ancestors", Cost::evicted_ancestors}};
constexpr Named<Heuristic::Choice> choices[] = {{"least_score", Heuristic::Choice::least_score},
                                                {"least_recent", Heuristic::Choice::least_recent},
                                                {"random", Heuristic::Choice::random}};
constexpr Named<Outcome::Status> statuses[] = {{"finished", Outcome::Status::finished},
                                               {"out_of_memory", Outcome::Status::out_of_memory},
                                               {"thrashed", Outcome::Status::thrashed}};

template <class Value, size_t n>
Value named(const Named<Value> (&all)[n], const std::string& name) {
  for (const Named<Value>& each : all)
    if (name == each.name) return each.value;
  throw std::invalid_argument("unknown name '" + name + "'");
}

// (cost, inputs, [(size, alias)]), and (kind, subject) with the kinds numbered as in Step::Kind.
using Row = std::tuple<int64_t, std::vector<TensorId>, std::vector<std::pair<int64_t, int32_t>>>;

std::unique_ptr<Schedule> schedule(const std::vector<Row>& rows, const std::vector<std::pair<int, int32_t>>& steps) {
  auto made = std::make_unique<Schedule>();
  for (const auto& [cost, inputs, given] : rows) {
    std::vector<Output> outputs;
    for (const auto& [size, alias] : given) outputs.push_back({size, alias});
    made->add(cost, inputs, outputs);
  }
  std::vector<Step> converted;
  for (const auto& [kind, subject] : steps) converted.push_back({static_cast<Step::Kind>(kind), subject});
  made->finish(std::move(converted));
  return made;
}

py::dict run_simrd(const Schedule& schedule, const std::string& choice, const std::string& cost, bool size,
                   bool staleness, const std::string& deallocation, int64_t budget, int64_t limit) {
  Outcome outcome;
  {
    const Heuristic heuristic{named(choices, choice), named(costs, cost), size, staleness};
    const Deallocation d = deallocation_from(deallocation);
    const py::gil_scoped_release release;
    outcome = run(schedule, heuristic, d, {budget, limit});
  }
  py::dict result;
  for (const auto& [name, status] : statuses)
    if (status == outcome.status) result["status"] = name;
  result["clock"] = outcome.clock;
  result["rematerialized"] = outcome.rematerialized;
  result["peak"] = outcome.peak;
  result["evictions"] = outcome.evictions;
  result["evaluations"] = outcome.evaluations;
  result["accesses"] = outcome.accesses;
  return result;
}

}  // namespace
}  // namespace dtr::simrd

void dtr::bind_simrd(py::module_& m) {
  using namespace simrd;
  py::class_<Schedule>(m, "Schedule", py::module_local())
      .def(py::init(&schedule), py::arg("operators"), py::arg("steps"));
  py::register_local_exception<AssertionFailed>(m, "SimrdAssertion", PyExc_AssertionError);
  m.def("simrd", &run_simrd, py::arg("schedule"), py::arg("choice"), py::arg("cost"), py::arg("size"),
        py::arg("staleness"), py::arg("deallocation"), py::arg("budget"), py::arg("limit"));
  m.def("_quotient", [](int64_t cost, uint64_t size, uint64_t staleness) { return value({cost, size, staleness}); });
  m.def("_quotient_at_most", [](int64_t a, uint64_t m, uint64_t s, int64_t b, uint64_t n, uint64_t t) {
    return at_most({a, m, s}, {b, n, t});
  });
  m.def("_draws", [](uint32_t seed, const std::vector<uint32_t>& below) {
    PythonRandom random(seed);
    std::vector<uint32_t> drawn;
    for (const uint32_t n : below) drawn.push_back(random.below(n));
    return drawn;
  });
}
