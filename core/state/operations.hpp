// Long-running operations as Vertex AI shows them: what core stores of a deletion, of a request for
// suggestions and of a question whether a trial should stop.
#pragma once

#include "core/state/studies.hpp"
#include "wire/study.capnp.h"

namespace troupe::core {

wire::frame<wire::Operation> deletion_operation(const std::string& name, int64_t now);

/// What both kinds of operations of a study say of themselves.
struct operation_facts {
  std::string name;
  int64_t start_micros = 0;
  int64_t now_micros = 0;
  std::string client; // of a suggestion
  std::string study;  // of a check: names of resources
  std::string trial;
};

wire::frame<wire::Operation> waiting_operation(const operation_facts&);
wire::frame<wire::Operation> failed_operation(const operation_facts&, const failure&);
wire::frame<wire::Operation> suggested_operation(const operation_facts&,
                                                 wire::SuggestTrialsResponse::Reader);
wire::frame<wire::Operation> checked_operation(const operation_facts&,
                                               wire::CheckTrialEarlyStoppingStateResponse::Reader);

} // namespace troupe::core
