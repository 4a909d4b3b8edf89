// SPDX-License-Identifier: Apache-2.0
#include "bind.h"

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.doc() = "The C++ core of dtr_runtime.";
  dtr::bind_policy(m);
  dtr::bind_simulator(m);
  dtr::bind_simrd(m);
  dtr::bind_faults(m);
#ifndef DTR_CORE_ALONE
  dtr::bind_scope(m);
#endif
}
