#include "cli/bench/machine.hpp"

#include "base/version.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <ucp/api/ucp.h>

#include <ctime>
#include <fstream>
#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (auto at = line.find(": "); at != line.npos) return line.substr(at + 2);
  return "unknown";
}

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

} // namespace

machine_facts this_machine() {
  utsname name{};
  ::uname(&name);
  machine_facts out;
  out.time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  out.host = name.nodename;
  out.kernel = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
  out.cpu = cpu_model();
  out.cpus = usable_cpus();
  out.memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES))
                     * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  out.versions = {{"troupe", version},
                  {"ucx", ucp_get_version_string()},
                  {"glibc", gnu_get_libc_version()},
                  {"compiler", __VERSION__}};
  return out;
}

} // namespace troupe::cli
