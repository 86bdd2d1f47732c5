// Custom jobs and tuning jobs: create, list, show, cancel and delete, written once for both.
#include "api/backend/listing.hpp"
#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/query/read_mask.hpp"
#include "api/resources/command.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/job_filter.hpp"
#include "api/resources/job_kinds.hpp"
#include "api/resources/outcome.hpp"
#include "base/names.hpp"

namespace troupe::api {

namespace {

/// The job as a client sees it. Trials are read only if the mask keeps them.
template <class Kind>
result<wire::frame<typename Kind::resource>>
shown(const context& context, const read_mask& mask,
      const wire::frame<typename Kind::resource>& job) {
  if constexpr (Kind::has_trials) {
    if (mask.keeps("trials") || mask.keeps("bestTrial") || mask.keeps("optimalTrials")) {
      auto joined = with_trials(context.database(), job);
      if (!joined) return std::unexpected(joined.error());
      return mask.applied(*joined);
    }
  }
  return mask.applied(job);
}

/// Sends a command about a job that exists now. It may be gone when the command is carried out, so
/// the controller checks again.
template <class Kind>
void execute_on_job(const context& context, const request& request, const resource_path& path,
                    answer reply, void (*fill)(wire::Command::Builder, uint64_t)) {
  auto job = resource_at<typename Kind::resource>(context, Kind::family, Kind::collection, path);
  if (!job) return reply(error_response(job.error()));
  auto id = *parse_id(path.id);
  context.cluster.execute(command_for(path.parent, [&](auto command) { fill(command, id); }),
                          outcome_answer(request.json(), std::move(reply)));
}

} // namespace

template <class Kind>
void create_job(const context& context, const request& request, const resource_path& path,
                answer reply) {
  if (auto one = check_one_location(path.parent, "a job"); !one)
    return reply(error_response(one.error()));
  auto job = wire::from_json<typename Kind::resource>(request.body, "request body");
  if (!job) return reply(error_response(job.error()));
  context.cluster.execute(
      command_for(path.parent, [&](auto command) { Kind::create(command, **job); }),
      outcome_answer(request.json(), std::move(reply)));
}

template <class Kind>
void list_jobs(const context& context, const request& request, const resource_path& path,
               answer reply) {
  using resource = typename Kind::resource;
  auto list = [&]() -> result<std::string> {
    auto text = request.parameter("filter");
    auto wanted = job_filter(text);
    if (!wanted) return std::unexpected(wanted.error());
    auto mask = read_mask::parse(request.parameter("readMask"), capnp::Schema::from<resource>());
    if (!mask) return std::unexpected(mask.error());
    auto page =
        parse_page(request, fmt::format("{}/{}?{}", path.parent.name(), Kind::collection, text));
    if (!page) return std::unexpected(page.error());
    auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
      auto job = wire::frame<resource>::parse(value);
      if (!job) return std::unexpected(job.error());
      if (!path.parent.holds(wire::view((*job)->getName())) || !matches(*wanted, **job))
        return std::nullopt;
      auto seen = shown<Kind>(context, *mask, *job);
      if (!seen) return std::unexpected(seen.error());
      return wire::to_json<resource>(**seen, request.json());
    };
    return list_page(context.database(), {.family = Kind::family}, *page, Kind::collection, item);
  };
  reply(respond(list()));
}

template <class Kind>
void show_job(const context& context, const request& request, const resource_path& path,
              answer reply) {
  using resource = typename Kind::resource;
  auto mask = read_mask::parse(request.parameter("readMask"), capnp::Schema::from<resource>());
  if (!mask) return reply(error_response(mask.error()));
  auto job = resource_at<resource>(context, Kind::family, Kind::collection, path);
  if (!job) return reply(error_response(job.error()));
  auto seen = shown<Kind>(context, *mask, *job);
  if (!seen) return reply(error_response(seen.error()));
  reply(json_response(wire::to_json<resource>(**seen, request.json())));
}

template <class Kind>
void cancel_job(const context& context, const request& request, const resource_path& path,
                answer reply) {
  execute_on_job<Kind>(context, request, path, std::move(reply), Kind::cancel);
}

template <class Kind>
void delete_job(const context& context, const request& request, const resource_path& path,
                answer reply) {
  execute_on_job<Kind>(context, request, path, std::move(reply), Kind::remove);
}

template void create_job<custom_job_kind>(const context&, const request&, const resource_path&,
                                          answer);
template void create_job<tuning_job_kind>(const context&, const request&, const resource_path&,
                                          answer);
template void list_jobs<custom_job_kind>(const context&, const request&, const resource_path&,
                                         answer);
template void list_jobs<tuning_job_kind>(const context&, const request&, const resource_path&,
                                         answer);
template void show_job<custom_job_kind>(const context&, const request&, const resource_path&,
                                        answer);
template void show_job<tuning_job_kind>(const context&, const request&, const resource_path&,
                                        answer);
template void cancel_job<custom_job_kind>(const context&, const request&, const resource_path&,
                                          answer);
template void cancel_job<tuning_job_kind>(const context&, const request&, const resource_path&,
                                          answer);
template void delete_job<custom_job_kind>(const context&, const request&, const resource_path&,
                                          answer);
template void delete_job<tuning_job_kind>(const context&, const request&, const resource_path&,
                                          answer);

} // namespace troupe::api
