#include "reduction/control/environment.hpp"

#include <charconv>
#include <cstdlib>

namespace troupe::reduction {
namespace {

result<std::string> text_from(const char* name, std::string_view meaning) {
  auto text = variable(name);
  if (!text) return fail(errc::invalid_argument, "{} is not set; expected {}", name, meaning);
  return std::move(*text);
}

result<uint32_t> number_from(const char* name, std::string_view meaning) {
  const auto text = text_from(name, meaning);
  if (!text) return std::unexpected(text.error());
  uint32_t value = 0;
  const auto* const last = text->data() + text->size();
  const auto [end, code] = std::from_chars(text->data(), last, value);
  if (code != std::errc() || end != last)
    return fail(errc::invalid_argument, "{} is \"{}\"; expected {}, a whole number", name, *text,
                meaning);
  return value;
}

result<host_port> address_from(const char* name, std::string_view meaning) {
  const auto text = text_from(name, meaning);
  if (!text) return std::unexpected(text.error());
  auto address = parse_host_port(*text);
  if (!address) return fail(errc::invalid_argument, "{}: {}", name, address.error().message);
  return address;
}

template <class T>
void take(result<>& outcome, result<T> value, T& out) {
  if (value)
    out = std::move(*value);
  else
    outcome = std::unexpected(value.error());
}

} // namespace

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

void environment_reader::required(const char* name, std::string_view meaning, std::string& out) {
  if (good()) take(outcome_, text_from(name, meaning), out);
}

void environment_reader::required(const char* name, std::string_view meaning, uint32_t& out) {
  if (good()) take(outcome_, number_from(name, meaning), out);
}

void environment_reader::required(const char* name, std::string_view meaning, host_port& out) {
  if (good()) take(outcome_, address_from(name, meaning), out);
}

void environment_reader::optional(const char* name, std::string_view meaning, uint32_t& out) {
  if (variable(name)) required(name, meaning, out);
}

void environment_reader::fail_with(error why) {
  if (good()) outcome_ = std::unexpected(std::move(why));
}

} // namespace troupe::reduction
