#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/query/paging.hpp"
#include "api/query/read_mask.hpp"
#include "api/resources/command.hpp"
#include "api/resources/job_filter.hpp"
#include "api/resources/job_kinds.hpp"
#include "api/resources/outcome.hpp"

namespace troupe::api {

namespace {

/// What a client sees of a stored job; the trials are read only if they are asked for.
template <class Kind>
result<wire::frame<typename Kind::resource>>
shown(const context& all, const read_mask& mask, const wire::frame<typename Kind::resource>& job) {
  if constexpr (Kind::has_trials) {
    if (mask.keeps("trials") || mask.keeps("bestTrial") || mask.keeps("optimalTrials")) {
      auto joined = with_trials(all.database(), job);
      if (!joined) return std::unexpected(joined.error());
      return mask.applied(*joined);
    }
  }
  return mask.applied(job);
}

/// A command about a job that exists now; the controller has the last word on it.
template <class Kind>
void execute_on_job(const context& all, const request& from, const place& at, answer done,
                    void (*fill)(wire::Command::Builder, uint64_t)) {
  auto job = named<typename Kind::resource>(all, Kind::family, Kind::collection, at);
  if (!job) return done(error_response(job.error()));
  auto id = *id_of(at.id);
  all.cluster.execute(command_for(at.parent, [&](auto command) { fill(command, id); }),
                      outcome_answer(from.json(), std::move(done)));
}

} // namespace

template <class Kind>
void create_job(const context& all, const request& from, const place& at, answer done) {
  if (auto one = check_one_place(at.parent, "a job"); !one)
    return done(error_response(one.error()));
  auto job = wire::from_json<typename Kind::resource>(from.body, "request body");
  if (!job) return done(error_response(job.error()));
  all.cluster.execute(command_for(at.parent, [&](auto command) { Kind::create(command, **job); }),
                      outcome_answer(from.json(), std::move(done)));
}

template <class Kind>
void list_jobs(const context& all, const request& from, const place& at, answer done) {
  using resource = typename Kind::resource;
  auto list = [&]() -> result<std::string> {
    auto text = from.parameter("filter");
    auto wanted = job_filter(text);
    if (!wanted) return std::unexpected(wanted.error());
    auto mask = read_mask::parse(from.parameter("readMask"), capnp::Schema::from<resource>());
    if (!mask) return std::unexpected(mask.error());
    auto page = parse_page(from, fmt::format("{}/{}?{}", at.parent.name(), Kind::collection, text));
    if (!page) return std::unexpected(page.error());
    auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
      auto job = wire::frame<resource>::parse(value);
      if (!job) return std::unexpected(job.error());
      if (!at.parent.holds(wire::view((*job)->getName())) || !matches(*wanted, **job))
        return std::nullopt;
      auto seen = shown<Kind>(all, *mask, *job);
      if (!seen) return std::unexpected(seen.error());
      return wire::to_json<resource>(**seen, from.json());
    };
    return page_of(all, {.where = Kind::family}, *page, Kind::collection, item);
  };
  done(respond(list()));
}

template <class Kind>
void show_job(const context& all, const request& from, const place& at, answer done) {
  using resource = typename Kind::resource;
  auto mask = read_mask::parse(from.parameter("readMask"), capnp::Schema::from<resource>());
  if (!mask) return done(error_response(mask.error()));
  auto job = named<resource>(all, Kind::family, Kind::collection, at);
  if (!job) return done(error_response(job.error()));
  auto seen = shown<Kind>(all, *mask, *job);
  if (!seen) return done(error_response(seen.error()));
  done(json_response(wire::to_json<resource>(**seen, from.json())));
}

template <class Kind>
void cancel_job(const context& all, const request& from, const place& at, answer done) {
  execute_on_job<Kind>(all, from, at, std::move(done), Kind::cancel);
}

template <class Kind>
void delete_job(const context& all, const request& from, const place& at, answer done) {
  execute_on_job<Kind>(all, from, at, std::move(done), Kind::remove);
}

template void create_job<custom_job_kind>(const context&, const request&, const place&, answer);
template void create_job<tuning_job_kind>(const context&, const request&, const place&, answer);
template void list_jobs<custom_job_kind>(const context&, const request&, const place&, answer);
template void list_jobs<tuning_job_kind>(const context&, const request&, const place&, answer);
template void show_job<custom_job_kind>(const context&, const request&, const place&, answer);
template void show_job<tuning_job_kind>(const context&, const request&, const place&, answer);
template void cancel_job<custom_job_kind>(const context&, const request&, const place&, answer);
template void cancel_job<tuning_job_kind>(const context&, const request&, const place&, answer);
template void delete_job<custom_job_kind>(const context&, const request&, const place&, answer);
template void delete_job<tuning_job_kind>(const context&, const request&, const place&, answer);

} // namespace troupe::api
