#include "cli/terminal/flags.hpp"

#include "cli/terminal/suggest.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::cli {

namespace {

template <class... Args>
std::unexpected<error> refuse(std::string_view flag, fmt::format_string<Args...> format,
                              Args&&... args) {
  return fail(errc::invalid_argument, "Invalid value for [{}]: {}", flag,
              fmt::format(format, std::forward<Args>(args)...));
}

constexpr std::string_view pool_name = "--worker-pool-spec";

const std::vector<std::string> pool_keys = {
    "machine-type",        "replica-count",      "accelerator-type", "accelerator-count",
    "container-image-uri", "executor-image-uri", "python-module"};

template <class Number>
result<Number> count_of(std::string_view key, std::string_view text) {
  Number number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 1)
    return refuse(pool_name, "Value of key [{}] should be a positive integer; got [{}].", key,
                  text);
  return number;
}

bool has(const pairs& given, std::string_view key) {
  return std::any_of(given.begin(), given.end(), [&](auto& pair) { return pair.first == key; });
}

result<> check_keys(const pairs& given) {
  for (auto& [key, value] : given) {
    if (std::find(pool_keys.begin(), pool_keys.end(), key) == pool_keys.end()) {
      auto meant = nearest(key, pool_keys);
      return refuse(pool_name, "valid keys are [{}]; received: {}{}", fmt::join(pool_keys, ", "),
                    key, meant ? fmt::format(" (did you mean {}?)", *meant) : "");
    }
    if (value.empty()) return refuse(pool_name, "Key [{}] has an empty value.", key);
  }
  if (!has(given, "machine-type"))
    return refuse(pool_name, "Key [machine-type] required in dict arg but not provided.");
  if (has(given, "accelerator-count") && !has(given, "accelerator-type"))
    return refuse(pool_name,
                  "Key [accelerator-type] required as [accelerator-count] is specified.");
  if (has(given, "executor-image-uri") + has(given, "container-image-uri") != 1)
    return refuse(pool_name,
                  "Exactly one of keys [executor-image-uri, container-image-uri] is required.");
  if (has(given, "container-image-uri") && has(given, "python-module"))
    return refuse(pool_name,
                  "Key [python-module] is not allowed together with key [container-image-uri].");
  if (has(given, "executor-image-uri") && !has(given, "python-module"))
    return refuse(pool_name, "Key [python-module] is required.");
  return {};
}

} // namespace

std::vector<std::string> comma_list(std::string_view value) {
  std::string_view separator = ",";
  if (value.starts_with('^'))
    if (auto end = value.find('^', 1); end != std::string_view::npos && end > 1) {
      separator = value.substr(1, end - 1);
      value.remove_prefix(end + 1);
    }
  std::vector<std::string> items;
  if (value.empty()) return items;
  for (size_t at = 0;;) {
    auto next = value.find(separator, at);
    items.emplace_back(value.substr(at, next - at));
    if (next == std::string_view::npos) return items;
    at = next + separator.size();
  }
}

result<pairs> key_values(std::string_view flag, std::string_view value) {
  pairs found;
  for (auto& item : comma_list(value)) {
    auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      return refuse(flag,
                    "Bad syntax for dict arg: [{}]; expected key=value pairs, separated by commas.",
                    item);
    auto key = item.substr(0, equals);
    if (has(found, key)) return refuse(flag, "Duplicate key [{}].", key);
    found.emplace_back(key, item.substr(equals + 1));
  }
  return found;
}

result<pool_flag> parse_pool(std::string_view value) {
  pool_flag pool;
  if (value.empty()) {
    pool.skipped = true;
    return pool;
  }
  auto given = key_values(pool_name, value);
  if (!given) return std::unexpected(given.error());
  if (auto checked = check_keys(*given); !checked) return std::unexpected(checked.error());
  for (auto& [key, text] : *given) {
    if (key == "machine-type")
      pool.machine_type = text;
    else if (key == "accelerator-type")
      pool.accelerator_type = text;
    else if (key == "container-image-uri")
      pool.container_image_uri = text;
    else if (key == "executor-image-uri")
      pool.executor_image_uri = text;
    else if (key == "python-module")
      pool.python_module = text;
    else if (key == "replica-count") {
      auto count = count_of<int64_t>(key, text);
      if (!count) return std::unexpected(count.error());
      pool.replica_count = *count;
    } else {
      auto count = count_of<int32_t>(key, text);
      if (!count) return std::unexpected(count.error());
      pool.accelerator_count = *count;
    }
  }
  return pool;
}

result<std::vector<pool_flag>> parse_pools(const std::vector<std::string>& values) {
  std::vector<pool_flag> pools;
  for (auto& value : values) {
    if (value.empty() && pools.empty())
      return refuse(pool_name,
                    "Empty value is not allowed for the first `--worker-pool-spec` flag.");
    auto pool = parse_pool(value);
    if (!pool) return std::unexpected(pool.error());
    pools.push_back(std::move(*pool));
  }
  return pools;
}

result<int64_t> parse_timeout(std::string_view flag, std::string_view value) {
  auto wrong = [&] {
    return refuse(
        flag,
        "[{}] is not a duration; expected a number with a unit, as 90s, 30m, 12h, 7d or 1h30m.",
        value);
  };
  int64_t total = 0;
  auto rest = value;
  while (!rest.empty()) {
    double amount = 0;
    auto [end, problem] =
        std::from_chars(rest.data(), rest.data() + rest.size(), amount, std::chars_format::fixed);
    if (problem != std::errc() || end == rest.data() + rest.size() || *rest.data() == '-')
      return wrong();
    double seconds = *end == 's'   ? 1
                     : *end == 'm' ? 60
                     : *end == 'h' ? 3600
                     : *end == 'd' ? 86400
                                   : 0;
    if (seconds == 0 || !(amount >= 0 && amount < 1e9)) return wrong();
    total += static_cast<int64_t>(amount * seconds * 1e6 + 0.5);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  }
  return total > 0 ? result<int64_t>(total) : wrong();
}

} // namespace troupe::cli
