// The method that only tuning jobs have: resume.
#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/resources/command.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/job_kinds.hpp"
#include "api/resources/outcome.hpp"
#include "base/names.hpp"

namespace troupe::api {

namespace {

/// The controller answers with the job's record, without the trials; this adds them.
response joined_response(const store::database& database, const wire::frame<wire::Outcome>& outcome,
                         wire::json_options options) {
  if (!outcome->isTuningJob()) return response_of(outcome, options);
  auto record = wire::frame<wire::HyperparameterTuningJob>::copy(outcome->getTuningJob());
  auto job = with_trials(database, record);
  if (!job) return error_response(job.error());
  return json_response(wire::to_json<wire::HyperparameterTuningJob>(**job, options));
}

} // namespace

void resume_tuning_job(const context& context, const request& request, const resource_path& path,
                       answer reply) {
  auto asked =
      wire::from_json<wire::ResumeTuningJobRequest>(body_or_empty(request), "request body");
  if (!asked) return reply(error_response(asked.error()));
  auto job = resource_at<wire::HyperparameterTuningJob>(context, tuning_job_kind::family,
                                                        tuning_job_kind::collection, path);
  if (!job) return reply(error_response(job.error()));
  auto command = command_for(path.parent, [&](wire::Command::Builder into) {
    auto resume = into.initResumeTuningJob();
    resume.setId(*parse_id(path.id));
    resume.setWanted(**asked);
  });
  // The answer may come after the server was destroyed. The database belongs to the cluster, which
  // lives longer.
  auto answered = [&database = context.database(), options = request.json(),
                   reply = std::move(reply)](const wire::frame<wire::Outcome>& outcome) {
    reply(joined_response(database, outcome, options));
  };
  context.cluster.execute(std::move(command), std::move(answered));
}

} // namespace troupe::api
