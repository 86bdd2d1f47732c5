// readMask: the top-level fields of a resource that a client wants. A deeper path keeps its whole
// top-level field: a mask names what a response must have, and the response may have more.
#pragma once

#include "wire/frame.hpp"

#include <capnp/dynamic.h>
#include <capnp/schema.h>

#include <set>

namespace troupe::api {

class read_mask {
public:
  /// "name,state" or "display_name"; "" and "*" mean everything. invalid_argument: no such field.
  static result<read_mask> parse(std::string_view text, capnp::StructSchema fields);

  bool keeps(std::string_view field) const { return kept_.empty() || kept_.contains(field); }

  template <class T>
  wire::frame<T> applied(const wire::frame<T>& resource) const {
    if (kept_.empty()) return resource;
    return resource.with([&](typename T::Builder builder) { clear_others(builder); });
  }

private:
  void clear_others(capnp::DynamicStruct::Builder resource) const;

  std::set<std::string, std::less<>> kept_; // empty: everything
};

} // namespace troupe::api
