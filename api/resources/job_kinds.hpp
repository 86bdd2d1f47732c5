// The differences between custom jobs and tuning jobs. Everything else about the two collections is
// written once, with one of these as a template argument.
#pragma once

#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

namespace troupe::api {

struct custom_job_kind {
  using resource = wire::CustomJob;
  static constexpr auto collection = "customJobs";
  static constexpr auto family = store::family::custom_jobs;
  static constexpr bool has_trials = false;

  static void create(wire::Command::Builder command, resource::Reader job) {
    command.setCreateCustomJob(job);
  }
  static void cancel(wire::Command::Builder command, uint64_t id) {
    command.setCancelCustomJob(id);
  }
  static void remove(wire::Command::Builder command, uint64_t id) {
    command.setDeleteCustomJob(id);
  }
};

struct tuning_job_kind {
  using resource = wire::HyperparameterTuningJob;
  static constexpr auto collection = "hyperparameterTuningJobs";
  static constexpr auto family = store::family::tuning_jobs;
  static constexpr bool has_trials = true;

  static void create(wire::Command::Builder command, resource::Reader job) {
    command.setCreateTuningJob(job);
  }
  static void cancel(wire::Command::Builder command, uint64_t id) {
    command.setCancelTuningJob(id);
  }
  static void remove(wire::Command::Builder command, uint64_t id) {
    command.setDeleteTuningJob(id);
  }
};

} // namespace troupe::api
