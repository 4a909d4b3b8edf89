// SPDX-License-Identifier: Apache-2.0
// What the Python module is made of.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "../core/policy.h"

namespace dtr {

void bind_policy(pybind11::module_&);
void bind_simulator(pybind11::module_&);
void bind_simrd(pybind11::module_&);
// Torch tensors under a budget (torch/).
void bind_scope(pybind11::module_&);
// FAULTS: the names of the seeded faults by number, and _set_fault(number), and
// _take_reached(), through whose places the program has run since it was asked last, if compiled with them.
void bind_faults(pybind11::module_&);

// From a built-in heuristic's name, or an object of dtr_spec.policy.Heuristic. Needs the GIL.
std::unique_ptr<Policy> policy_from(const pybind11::object& heuristic, Choice = Choice::by_tournament);
Deallocation deallocation_from(const std::string& name);
pybind11::dict to_dict(const Counters&);
pybind11::list to_list(const Row<Event>&);  // of (rule, subject, detail, used)

}  // namespace dtr
