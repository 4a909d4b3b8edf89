// SPDX-License-Identifier: Apache-2.0
#include "../core/fault.h"

#include <utility>

#include "bind.h"

namespace py = pybind11;

namespace dtr {

void bind_faults(py::module_& m) {
  py::list names;
#ifdef DTR_FAULTS
  for (const char* name : fault_names) names.append(name);
  m.def("_set_fault", [](int number) { faults.active = number; });
  m.def("_take_reached", [] {
    py::list numbers;
    for (size_t number = 0; number < faults.reached.size(); ++number)
      if (std::exchange(faults.reached[number], false)) numbers.append(number);
    return numbers;
  });
#endif
  m.attr("FAULTS") = py::tuple(names);
}

}  // namespace dtr
