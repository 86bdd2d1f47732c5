#include "api/handlers.hpp"
#include "api/job_filter.hpp"
#include "api/job_kinds.hpp"
#include "api/lookup.hpp"
#include "api/outcome.hpp"
#include "api/paging.hpp"
#include "api/read_mask.hpp"

namespace troupe::api {

namespace {

wire::frame<wire::Command> command_for(const scope& parent,
                                       const std::function<void(wire::Command::Builder)>& fill) {
  return wire::frame<wire::Command>::build([&](wire::Command::Builder command) {
    command.setProject(parent.project);
    command.setLocation(parent.location);
    fill(command);
  });
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
  if (at.parent.project == "-" || at.parent.location == "-")
    return done(error_response({errc::invalid_argument,
                                "a job is created in one project and one location; '-' stands for "
                                "all of them and is only for lists"}));
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
      return wire::to_json<resource>(*mask->applied(*job), from.json());
    };
    return page_of(all, Kind::family, *page, Kind::collection, item);
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
  done(json_response(wire::to_json<resource>(*mask->applied(*job), from.json())));
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
