// SPDX-License-Identifier: Apache-2.0
// Heuristics written in Python: their scores are compared in Python, exactly.
#include "bind.h"

#include "../core/rational.h"
#include "../core/tournament.h"

namespace py = pybind11;

namespace dtr {
namespace {

// A StorageView that a heuristic may keep, but not read after the choice it was made for.
class LentView {
 public:
  LentView(StorageView view, std::shared_ptr<const bool> open) : view_(view), open_(std::move(open)) {}
  const StorageView& operator*() const {
    if (!*open_) throw std::runtime_error("a storage view may only be read while its score is asked for");
    return view_;
  }

 private:
  StorageView view_;
  std::shared_ptr<const bool> open_;
};

class PythonPolicy final : public Policy {
 public:
  explicit PythonPolicy(py::object heuristic) : heuristic_(std::move(heuristic)) {
    const py::module_ policy = py::module_::import("dtr_spec.policy");
    checked_ = policy.attr("checked");
    least_ = policy.attr("least");
  }

  ~PythonPolicy() override {
    py::gil_scoped_acquire gil;
    heuristic_ = checked_ = least_ = py::object();
  }

  StorageId choose(Heap& heap, Cost clock) override {
    py::gil_scoped_acquire gil;
    const auto open = std::make_shared<bool>(true);
    struct Close {
      bool& open;
      ~Close() { open = false; }
    } close{*open};
    py::list scored;
    for (const Storage* storage : heap.evictable()) {
      const StorageView view(heap, *storage);
      const py::object lent = py::cast(LentView(view, open));
      const py::object score = checked_(heuristic_.attr("score")(lent, clock), heuristic_, lent);
      scored.append(py::make_tuple(score, view.sequence(), storage->id));
    }
    return least_(scored).cast<StorageId>();
  }

 private:
  py::object heuristic_, checked_, least_;
};

}  // namespace

std::unique_ptr<Policy> policy_from(const py::object& heuristic, Choice choice) {
  if (py::isinstance<py::str>(heuristic)) return make_policy(heuristic.cast<std::string>(), choice);
  if (!py::hasattr(heuristic, "score"))
    throw py::type_error("a heuristic is a name or an object with score(storage, clock), not " +
                         py::repr(heuristic).cast<std::string>());
  return std::make_unique<PythonPolicy>(heuristic);
}

void bind_policy(py::module_& m) {
  const auto view = [](auto query) { return [query](const LentView& lent) { return ((*lent).*query)(); }; };
  py::class_<LentView>(m, "StorageView", py::module_local())
      .def_property_readonly("index", view(&StorageView::index))
      .def_property_readonly("size", view(&StorageView::size))
      .def_property_readonly("cost", view(&StorageView::cost))
      .def_property_readonly("last_access", view(&StorageView::last_access))
      .def_property_readonly("neighborhood_cost", view(&StorageView::neighborhood_cost))
      .def_property_readonly("class_cost", view(&StorageView::class_cost))
      .def_property_readonly("ancestors_cost", view(&StorageView::ancestors_cost))
      .def_property_readonly("aliases", view(&StorageView::aliases))
      .def_property_readonly("dependents", view(&StorageView::dependents));

  m.def(
      "_less",
      [](uint64_t a, uint64_t m, uint64_t s, uint64_t b, uint64_t n, uint64_t t) {
        return less({a, static_cast<Wide>(m) * s}, {b, static_cast<Wide>(n) * t});
      },
      "Whether a / (m s) < b / (n t), as victims are compared.");
  m.def(
      "_overtaken",
      [](uint64_t a, Bytes m, Cost s, uint64_t b, Bytes n, Cost t, bool later, Cost clock) {
        const Contender x{a, m, s, later ? 1 : 2}, y{b, n, t, later ? 2 : 1};
        return before(x, y, clock, true) ? overtaken(x, y, clock) : overtaken(y, x, clock);
      },
      "When a match of a / (m (clock - s)) and b / (n (clock - t)) must be played again; `later`: b wins ties.");
}

}  // namespace dtr
