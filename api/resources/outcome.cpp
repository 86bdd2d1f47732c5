#include "api/resources/outcome.hpp"

namespace troupe::api {

namespace {

error error_of(wire::Status::Reader status) {
  auto code = status.getCode();
  bool known = code >= int(errc::cancelled) && code <= int(errc::unauthenticated);
  return {known ? errc(code) : errc::unknown, wire::str(status.getMessage())};
}

} // namespace

response response_of(const wire::frame<wire::Outcome>& outcome, wire::json_options options) {
  auto content = *outcome;
  switch (content.which()) {
  case wire::Outcome::ERROR:
    return error_response(error_of(content.getError()));
  case wire::Outcome::CUSTOM_JOB:
    return json_response(wire::to_json<wire::CustomJob>(content.getCustomJob(), options));
  case wire::Outcome::TUNING_JOB:
    return json_response(
        wire::to_json<wire::HyperparameterTuningJob>(content.getTuningJob(), options));
  case wire::Outcome::OPERATION:
    return json_response(wire::to_json<wire::Operation>(content.getOperation(), options));
  case wire::Outcome::EMPTY:
    return json_response("{}");
  case wire::Outcome::STUDY:
    return json_response(wire::to_json<wire::Study>(content.getStudy(), options));
  case wire::Outcome::TRIAL:
    return json_response(wire::to_json<wire::Trial>(content.getTrial(), options));
  }
  return error_response(
      {errc::internal, "the controller sent an outcome that this API does not know"});
}

std::function<void(wire::frame<wire::Outcome>)> outcome_answer(wire::json_options options,
                                                               answer reply) {
  return [options, reply = std::move(reply)](wire::frame<wire::Outcome> outcome) {
    reply(response_of(outcome, options));
  };
}

} // namespace troupe::api
