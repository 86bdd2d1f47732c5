#include "core/studies/trial_job.hpp"

#include "core/machines/pools.hpp"
#include "core/state/job_records.hpp"
#include "tuner/parameter_text.hpp"

#include <fmt/format.h>

namespace troupe::core {

using wire::text;

namespace {

template <class Spec>
void append_args(Spec spec, capnp::List<capnp::Text>::Reader old,
                 const std::vector<std::string>& flags) {
  auto args = spec.initArgs(old.size() + static_cast<uint32_t>(flags.size()));
  for (uint32_t i = 0; i < old.size(); ++i)
    args.set(i, old[i]);
  for (uint32_t i = 0; i < flags.size(); ++i)
    args.set(old.size() + i, text(flags[i]));
}

} // namespace

wire::frame<wire::CustomJob> trial_custom_job(const tuning_job& tuning, uint32_t number,
                                              wire::Suggestions::ParameterSet::Reader parameters,
                                              const std::string& name, int64_t now) {
  auto from = *tuning.submitted;
  std::vector<std::string> flags = tuner::flags_of(from.getStudySpec(), parameters.getValues());
  auto plain = wire::frame<wire::CustomJob>::build([&](wire::CustomJob::Builder job) {
    job.setDisplayName(text(fmt::format("{}-trial-{}", wire::view(from.getDisplayName()), number)));
    job.setJobSpec(from.getTrialJobSpec());
    if (from.hasLabels()) job.setLabels(from.getLabels());
    if (from.hasEncryptionSpec()) job.setEncryptionSpec(from.getEncryptionSpec());
  });
  auto with_parameters = plain.with([&](wire::CustomJob::Builder job) {
    auto spec = job.getJobSpec();
    auto source = plain->getJobSpec();
    for (uint32_t i = 0; i < source.getWorkerPoolSpecs().size(); ++i) {
      auto pool = source.getWorkerPoolSpecs()[i];
      auto target = spec.getWorkerPoolSpecs()[i];
      if (is_reducer_pool(pool)) continue;
      if (pool.isContainerSpec())
        append_args(target.getContainerSpec(), pool.getContainerSpec().getArgs(), flags);
      else if (pool.isPythonPackageSpec())
        append_args(target.getPythonPackageSpec(), pool.getPythonPackageSpec().getArgs(), flags);
    }
    if (!source.hasBaseOutputDirectory()) return;
    std::string directory = wire::str(source.getBaseOutputDirectory().getOutputUriPrefix());
    if (directory.empty()) return;
    if (directory.back() != '/') directory += '/';
    spec.getBaseOutputDirectory().setOutputUriPrefix(text(fmt::format("{}{}/", directory, number)));
  });
  return named_job(*with_parameters, name, now);
}

std::vector<std::string> metric_tags_of(wire::StudySpec::Reader spec) {
  std::vector<std::string> tags;
  for (auto metric : spec.getMetrics())
    tags.push_back(wire::str(metric.getMetricId()));
  return tags;
}

} // namespace troupe::core
