#include "base/error.hpp"

namespace troupe {

std::string_view name_of(errc code) {
  switch (code) {
  case errc::cancelled:
    return "CANCELLED";
  case errc::unknown:
    return "UNKNOWN";
  case errc::invalid_argument:
    return "INVALID_ARGUMENT";
  case errc::deadline_exceeded:
    return "DEADLINE_EXCEEDED";
  case errc::not_found:
    return "NOT_FOUND";
  case errc::already_exists:
    return "ALREADY_EXISTS";
  case errc::permission_denied:
    return "PERMISSION_DENIED";
  case errc::resource_exhausted:
    return "RESOURCE_EXHAUSTED";
  case errc::failed_precondition:
    return "FAILED_PRECONDITION";
  case errc::aborted:
    return "ABORTED";
  case errc::out_of_range:
    return "OUT_OF_RANGE";
  case errc::unimplemented:
    return "UNIMPLEMENTED";
  case errc::internal:
    return "INTERNAL";
  case errc::unavailable:
    return "UNAVAILABLE";
  case errc::data_loss:
    return "DATA_LOSS";
  case errc::unauthenticated:
    return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

} // namespace troupe
