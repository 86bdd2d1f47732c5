#include "runtime/program.hpp"

#include "base/descriptor.hpp"

#include <unistd.h>

namespace troupe::runtime {

namespace {

template <class... Args>
std::unexpected<launch_failure> never(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(
      launch_failure{fmt::format(format, std::forward<Args>(args)...), /* permanent= */ true});
}

std::unexpected<launch_failure> no_container(std::string_view image,
                                             const node_settings& settings) {
  return never(
      "image '{}' needs a container runtime, which this version does not have yet; to run it as "
      "a process of the node, map it to `host` in the `images:` of the configuration of agent "
      "'{}', or use `imageUri: host`",
      image, settings.node_name);
}

std::expected<program, launch_failure> container_program(wire::ContainerSpec::Reader spec,
                                                         const node_settings& settings) {
  if (!runs_on_host(wire::view(spec.getImageUri()), settings))
    return no_container(wire::view(spec.getImageUri()), settings);
  std::vector<std::string> argv;
  for (auto part : spec.getCommand())
    argv.push_back(wire::str(part));
  for (auto part : spec.getArgs())
    argv.push_back(wire::str(part));
  if (argv.empty() || argv[0].empty())
    return never(
        "nothing to run: `command` and `args` of the worker pool are empty; an image that runs on "
        "the host has no entry point of its own, so name the program in `command`");
  return program{{std::move(argv)}};
}

std::expected<program, launch_failure> python_program(wire::PythonPackageSpec::Reader spec,
                                                      const node_settings& settings,
                                                      const std::filesystem::path& packages) {
  if (!runs_on_host(wire::view(spec.getExecutorImageUri()), settings))
    return no_container(wire::view(spec.getExecutorImageUri()), settings);
  // A private directory instead of a virtual environment: it needs no second interpreter, and the
  // node's packages stay importable. No index and no build isolation: installing needs no network
  // and adds only the packages that were named.
  std::vector<std::string> install = {settings.python,
                                      "-m",
                                      "pip",
                                      "install",
                                      "--quiet",
                                      "--target",
                                      packages,
                                      "--no-deps",
                                      "--no-index",
                                      "--no-build-isolation",
                                      "--no-cache-dir",
                                      "--no-input",
                                      "--no-warn-script-location",
                                      "--disable-pip-version-check",
                                      "--root-user-action=ignore"};
  for (auto uri : spec.getPackageUris()) {
    auto path = local_path(wire::view(uri), settings);
    if (!path)
      return never(
          "package '{}' is not on this node: expected an absolute path, file:// or gs:// in a "
          "bucket of the `buckets:` of the configuration of agent '{}'",
          wire::view(uri), settings.node_name);
    if (access(path->c_str(), R_OK) != 0)
      return never("package '{}': cannot read {} on node '{}': {}", wire::view(uri), path->string(),
                   settings.node_name, last_problem());
    install.push_back(*path);
  }
  std::vector<std::string> run = {settings.python, "-m", wire::str(spec.getPythonModule())};
  for (auto part : spec.getArgs())
    run.push_back(wire::str(part));
  return program{{std::move(install), std::move(run)}, /* has_packages= */ true};
}

} // namespace

bool runs_on_host(std::string_view image_uri, const node_settings& settings) {
  if (image_uri == "host") return true;
  for (const auto& [pattern, target] : settings.images) {
    bool matches =
        pattern.ends_with('*')
            ? image_uri.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
            : image_uri == pattern;
    if (matches && target == "host") return true;
  }
  return false;
}

std::expected<program, launch_failure> program_of(wire::Launch::Reader launch,
                                                  const replica_key& replica,
                                                  const node_settings& settings,
                                                  const std::filesystem::path& packages) {
  auto specs = launch.getSpec().getWorkerPoolSpecs();
  auto placements = launch.getPools();
  if (replica.pool >= specs.size() || replica.pool >= placements.size()
      || replica.index >= placements[replica.pool].getEndpoints().size())
    return never("the order to launch {} names no such replica in its placement", replica.task());
  if (placements[replica.pool].getReducers()) return program{{{settings.troupe, "reducer"}}};
  auto spec = specs[replica.pool];
  switch (spec.which()) {
  case wire::WorkerPoolSpec::CONTAINER_SPEC:
    return container_program(spec.getContainerSpec(), settings);
  case wire::WorkerPoolSpec::PYTHON_PACKAGE_SPEC:
    return python_program(spec.getPythonPackageSpec(), settings, packages);
  default:
    return never("worker pool {} has neither `containerSpec` nor `pythonPackageSpec`",
                 replica.pool);
  }
}

} // namespace troupe::runtime
