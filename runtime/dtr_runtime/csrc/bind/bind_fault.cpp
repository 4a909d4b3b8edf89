// SPDX-License-Identifier: Apache-2.0
#include "../core/fault.h"

#include "bind.h"

namespace py = pybind11;

namespace dtr {

void bind_faults(py::module_& m) {
  py::list names;
#ifdef DTR_FAULTS
  for (const char* name : fault_names) names.append(name);
  m.def("_set_fault", [](int number) { active_fault = static_cast<Fault>(number); });
#endif
  m.attr("FAULTS") = py::tuple(names);
}

}  // namespace dtr
