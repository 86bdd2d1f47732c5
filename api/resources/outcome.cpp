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
  auto what = *outcome;
  switch (what.which()) {
  case wire::Outcome::ERROR:
    return error_response(error_of(what.getError()));
  case wire::Outcome::CUSTOM_JOB:
    return json_response(wire::to_json<wire::CustomJob>(what.getCustomJob(), options));
  case wire::Outcome::TUNING_JOB:
    return json_response(
        wire::to_json<wire::HyperparameterTuningJob>(what.getTuningJob(), options));
  case wire::Outcome::OPERATION:
    return json_response(wire::to_json<wire::Operation>(what.getOperation(), options));
  case wire::Outcome::EMPTY:
    return json_response("{}");
  case wire::Outcome::STUDY:
    return json_response(wire::to_json<wire::Study>(what.getStudy(), options));
  case wire::Outcome::TRIAL:
    return json_response(wire::to_json<wire::Trial>(what.getTrial(), options));
  }
  return error_response({errc::internal, "the controller's answer is of an unknown kind"});
}

std::function<void(wire::frame<wire::Outcome>)> outcome_answer(wire::json_options options,
                                                               answer reply) {
  return [options, reply = std::move(reply)](wire::frame<wire::Outcome> outcome) {
    reply(response_of(outcome, options));
  };
}

} // namespace troupe::api
