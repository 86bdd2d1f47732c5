#include "host/config.hpp"

#include "base/files.hpp"
#include "wire/enum_names.hpp"
#include "wire/json_scalars.hpp"
#include "wire/yaml_section.hpp"

#include <capnp/dynamic.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unistd.h>

namespace troupe::host {

namespace {

namespace fs = std::filesystem;
using wire::yaml_section;

// `alone`: the process is a controller or an agent, joined by a link. `together`: it is both.
enum class setting { alone, together };

constexpr std::string_view an_endpoint = "host:port, such as 127.0.0.1:8080";
constexpr std::string_view a_size = "a size with its unit, such as 64GiB or 512MiB";
constexpr std::string_view a_span = "a duration with its unit, such as 30s or 500ms";
constexpr std::string_view a_name = "1 to 64 letters, digits, '.', '_', ':' or '-'";
constexpr std::string_view a_file = "the path of a PEM file";
constexpr std::string_view a_directory = "the path of a directory";
constexpr std::string_view other_machines =
    "no such key; for nodes on other machines run `troupe controller` and `troupe agent`";
constexpr std::string_view a_count = "a whole number";
constexpr std::string_view some_cpus =
    "a number of CPUs with at most three decimals, such as 4 or 0.5";
constexpr std::string_view some_ports = "a range of ports above 0, such as 20000-20999";

std::optional<std::string> name_of(std::string_view text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || std::strchr("._:-", c); };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, fits)
             ? std::optional(std::string(text))
             : std::nullopt;
}

std::optional<uint32_t> count_of(std::string_view text) {
  const auto read = wire::unsigned_of(text);
  return read && *read <= 1'000'000 ? std::optional(static_cast<uint32_t>(*read)) : std::nullopt;
}

std::optional<uint64_t> cpu_millis_of(std::string_view text) {
  const auto cpus = wire::number_of(text);
  if (!cpus || !(*cpus > 0) || *cpus > 1e6) return std::nullopt;
  const double millis = std::round(*cpus * 1000);
  // The scheduler counts in thousandths; a smaller part would be dropped without notice.
  return std::abs(millis - *cpus * 1000) < 1e-6 && millis >= 1
             ? std::optional(static_cast<uint64_t>(millis))
             : std::nullopt;
}

std::optional<uint64_t> size_of(std::string_view text) {
  const auto bytes = wire::size_bytes_of(text);
  return bytes && *bytes > 0 ? bytes : std::nullopt;
}

std::optional<std::pair<uint16_t, uint16_t>> ports_of(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = wire::unsigned_of(text.substr(0, dash)),
             last = wire::unsigned_of(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *first > *last || *last > 65535) return std::nullopt;
  return std::pair(static_cast<uint16_t>(*first), static_cast<uint16_t>(*last));
}

class config_reader {
public:
  config_reader(const fs::path& file, setting setting)
      : directory_(fs::absolute(file).parent_path()), setting_(setting) {}

  void controller(yaml_section& from, controller_config& into) const {
    common(from, into.data_directory);
    const auto listens = [](std::string_view text) { return wire::endpoint_of(text, 0); };
    from.section("api", [&](yaml_section& api) {
      api.scalar("listen", into.api_listen, an_endpoint, listens);
    });
    if (setting_ == setting::alone) {
      from.section("link", [&](yaml_section& link) {
        link.scalar("listen", into.link_listen, an_endpoint, listens);
      });
      tls(from, into.tls);
    } else {
      into.link_listen.clear();
      for (auto key : {"link", "tls"})
        from.refuse(key, "`troupe up` serves this machine alone", other_machines);
    }
    from.scalar("project", into.project, a_name, name_of);
    from.scalar("location", into.location, a_name, name_of);
    from.section("machine_types", [&](yaml_section& types) {
      types.each([&](const std::string& name, yaml_section& map) {
        map.section(name, [&](yaml_section& type) { into.machines.types[name] = machine(type); });
      });
    });
    from.scalar("node_lost_after", into.node_lost_after, a_span, wire::span_of);
    from.scalar("termination_grace", into.termination_grace, a_span, wire::span_of);
  }

  void agent(yaml_section& from, agent_config& into) const {
    common(from, into.data_directory);
    if (!from.scalar("name", into.name, a_name, name_of)) into.name = host_name(from);
    into.address = setting_ == setting::alone ? into.name : "127.0.0.1";
    from.scalar("address", into.address, "a host name or an IP address", host_of);
    if (setting_ == setting::alone) {
      from.require("controller", an_endpoint);
      from.scalar("controller", into.controller, an_endpoint,
                  [](std::string_view text) { return wire::endpoint_of(text, 1); });
      from.scalar("controller_name", into.controller_name, a_name, name_of);
      tls(from, into.tls);
    }
    from.section("resources", [&](yaml_section& resources) { amounts(resources, into); });
    auto ports = std::pair(into.port_first, into.port_last);
    from.scalar("ports", ports, some_ports, ports_of);
    std::tie(into.port_first, into.port_last) = ports;
    from.section("images", [&](yaml_section& images) {
      images.each([&](const std::string& name, yaml_section& map) { image(name, map, into); });
    });
    from.section("buckets", [&](yaml_section& buckets) {
      buckets.each([&](const std::string& name, yaml_section& map) {
        if (!name_of(name))
          map.report(name, "not a bucket's name", fmt::format("the name behind gs://, {}", a_name));
        map.scalar(name, into.buckets[name], a_directory, path_reader());
      });
    });
    from.scalar("log_bytes_max", into.log_bytes_max, a_size, size_of);
  }

private:
  void common(yaml_section& from, fs::path& data_directory) const {
    if (setting_ == setting::alone) from.require("data_directory", a_directory);
    from.scalar("data_directory", data_directory, a_directory, path_reader());
  }

  std::function<std::optional<fs::path>(std::string_view)> path_reader() const {
    return [this](std::string_view text) {
      return text.empty() ? std::nullopt : std::optional((directory_ / text).lexically_normal());
    };
  }

  // Links are never without TLS, so the three files must be named.
  void tls(yaml_section& from, std::optional<link::identity>& into) const {
    from.require("tls", "the files certificate, key and authority; `troupe ca` makes them");
    from.section("tls", [&](yaml_section& tls) {
      into.emplace();
      for (auto [name, file] :
           {std::pair("certificate", &into->certificate), std::pair("key", &into->key),
            std::pair("authority", &into->authority)}) {
        tls.require(name, a_file);
        tls.scalar(name, *file, a_file, path_reader());
      }
    });
  }

  core::amounts machine(yaml_section& from) const {
    core::amounts type;
    from.require("cpus", some_cpus);
    from.require("memory", a_size);
    from.scalar("cpus", type.cpu_millis, some_cpus, cpu_millis_of);
    from.scalar("memory", type.memory_bytes, a_size, size_of);
    from.scalar("gpus", type.gpus, a_count, count_of);
    from.scalar("gpu_type", type.gpu_type, known_gpus(), gpu_type_of);
    if (from.has("gpu_type") && type.gpus == 0)
      from.report("gpu_type", "given without GPUs", "gpus above 0 beside it");
    if (type.gpus > 0) from.require("gpu_type", known_gpus());
    return type;
  }

  void amounts(yaml_section& from, agent_config& into) const {
    from.scalar("cpus", into.cpu_millis, some_cpus, cpu_millis_of);
    from.scalar("memory", into.memory_bytes, a_size, size_of);
    from.scalar("gpus", into.gpus, a_count, count_of);
    from.scalar("gpu_type", into.gpu_type, known_gpus(), gpu_type_of);
    if (into.gpus.value_or(0) > 0) from.require("gpu_type", known_gpus());
  }

  void image(const std::string& name, yaml_section& map, agent_config& into) const {
    const auto star = name.find('*');
    if (name.empty() || (star != name.npos && star + 1 != name.size()))
      map.report(name, "not an image", "an imageUri, or the start of some with a '*' at its end");
    map.scalar(name, into.images[name], "host, which runs the command on the node itself",
               [](std::string_view text) {
                 return text == "host" ? std::optional(std::string(text)) : std::nullopt;
               });
  }

  static std::optional<std::string> host_of(std::string_view text) {
    const bool clean =
        !text.empty() && text.size() <= 253 && text.find_first_of(" /[]") == text.npos;
    return clean ? std::optional(std::string(text)) : std::nullopt;
  }

  // Only the types of NVIDIA GPUs; the name of a TPU is always a mistake here.
  static constexpr std::string_view gpu_prefix = "NVIDIA_";

  static std::optional<wire::AcceleratorType> gpu_type_of(std::string_view text) {
    if (!text.starts_with(gpu_prefix)) return std::nullopt;
    return wire::enum_named<wire::AcceleratorType>(text);
  }

  static std::string known_gpus() {
    auto names = wire::enum_names<wire::AcceleratorType>();
    std::erase_if(names, [](const auto& name) { return !name.starts_with(gpu_prefix); });
    return fmt::format("one of {}", fmt::join(names, ", "));
  }

  static std::string host_name(yaml_section& from) {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0 && name_of(name)) return name;
    from.report("name", "missing, and the host's own name is not a valid name of a node", a_name);
    return "";
  }

  fs::path directory_;
  setting setting_;
};

result<std::string> text_of(const fs::path& file) {
  std::error_code problem;
  if (fs::is_directory(file, problem))
    return fail(errc::invalid_argument, "{}: expected a config file, got a directory",
                file.string());
  auto text = read_file(file);
  if (!text) {
    const bool denied = text.error().code == errc::permission_denied;
    return fail(denied ? errc::permission_denied : errc::not_found,
                "cannot read the config file {}", text.error().message);
  }
  return text;
}

template <class Config>
result<Config> read_config(const fs::path& file,
                           result<Config> (*parse)(std::string_view, const fs::path&)) {
  auto text = text_of(file);
  if (!text) return std::unexpected(text.error());
  return parse(*text, file);
}

template <class Config>
result<Config> parsed(std::string_view text, const fs::path& file,
                      const std::function<void(yaml_section&, Config&)>& read) {
  Config config;
  auto outcome =
      wire::read_sections(text, file.string(), [&](yaml_section& top) { read(top, config); });
  if (!outcome) return std::unexpected(outcome.error());
  return config;
}

} // namespace

result<controller_config> parse_controller_config(std::string_view text, const fs::path& file) {
  return parsed<controller_config>(text, file, [&](yaml_section& top, controller_config& config) {
    config_reader(file, setting::alone).controller(top, config);
  });
}

result<agent_config> parse_agent_config(std::string_view text, const fs::path& file) {
  return parsed<agent_config>(text, file, [&](yaml_section& top, agent_config& config) {
    config_reader(file, setting::alone).agent(top, config);
  });
}

result<cluster_config> parse_cluster_config(std::string_view text, const fs::path& file) {
  return parsed<cluster_config>(text, file, [&](yaml_section& top, cluster_config& config) {
    const config_reader reader(file, setting::together);
    // A missing section still has defaults that depend on the setting, such as the host's name.
    const wire::tree empty{.is = wire::tree::kind::object};
    wire::problems found;
    yaml_section nothing(empty, file.string(), "", found);
    if (!top.section("controller",
                     [&](yaml_section& section) { reader.controller(section, config.controller); }))
      reader.controller(nothing, config.controller);
    if (!top.section("agent", [&](yaml_section& section) { reader.agent(section, config.agent); }))
      reader.agent(nothing, config.agent);
  });
}

result<controller_config> read_controller_config(const fs::path& file) {
  return read_config(file, parse_controller_config);
}

result<agent_config> read_agent_config(const fs::path& file) {
  return read_config(file, parse_agent_config);
}

result<cluster_config> read_cluster_config(const fs::path& file) {
  return read_config(file, parse_cluster_config);
}

} // namespace troupe::host
