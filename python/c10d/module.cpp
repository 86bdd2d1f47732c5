// The Python module troupe._c10d, which `troupe.c10d` loads once libtroupe is there: nothing but
// the process group's constructor and what must happen before the process ends.

#include "python/c10d/process_group.hpp"

#include <pybind11/chrono.h>
#include <torch/csrc/utils/pybind.h>

namespace {

using troupe::backend::channel;
using troupe::backend::process_group;
using milliseconds = std::chrono::milliseconds;

c10::intrusive_ptr<process_group> make(uintptr_t comm, bool owned, int rank, int size,
                                       milliseconds timeout) {
  return c10::make_intrusive<process_group>(reinterpret_cast<troupe_comm*>(comm), owned, rank, size,
                                            timeout);
}

} // namespace

PYBIND11_MODULE(_c10d, module) {
  // Makes the base class known.
  py::module_::import("torch.distributed");
  py::class_<process_group, ::c10d::ProcessGroup, c10::intrusive_ptr<process_group>>(
      module, "ProcessGroupTroupe")
      .def(py::init(&make), py::arg("comm"), py::arg("owned"), py::arg("rank"), py::arg("size"),
           py::arg("timeout"), py::call_guard<py::gil_scoped_release>())
      .def("choose_wire", &process_group::choose_wire, py::arg("wire"),
           py::call_guard<py::gil_scoped_release>());
  module.def("close_all", &channel::close_all, py::arg("patience"),
             py::call_guard<py::gil_scoped_release>());
}
