#include "cli/client/json.hpp"

#include "base/json_text.hpp"

#include <capnp/compat/json.h>
#include <kj/exception.h>

#include <charconv>
#include <cmath>

namespace troupe::cli {

namespace {

std::string str(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

/// For an indentation: everything on one line.
constexpr size_t one_line = SIZE_MAX;

void print(std::string& out, capnp::json::Value::Reader value, size_t indent) {
  auto deeper = indent == one_line ? one_line : indent + 2;
  auto lines = [&](char open, char close, const auto& list, auto&& each) {
    if (list.size() == 0) {
      out += open;
      out += close;
      return;
    }
    out += open;
    bool first = true;
    for (auto item : list) {
      out += first ? "" : ",";
      if (deeper != one_line) out += "\n" + std::string(deeper, ' ');
      each(item);
      first = false;
    }
    if (indent != one_line) out += "\n" + std::string(indent, ' ');
    out += close;
  };
  switch (value.which()) {
  case capnp::json::Value::OBJECT:
    return lines('{', '}', value.getObject(), [&](auto field) {
      out += json_quoted(str(field.getName())) + (indent == one_line ? ":" : ": ");
      print(out, field.getValue(), deeper);
    });
  case capnp::json::Value::ARRAY:
    return lines('[', ']', value.getArray(), [&](auto item) { print(out, item, deeper); });
  case capnp::json::Value::STRING:
    out += json_quoted(str(value.getString()));
    return;
  case capnp::json::Value::NUMBER:
    out += shortest(value.getNumber());
    return;
  case capnp::json::Value::BOOLEAN:
    out += value.getBoolean() ? "true" : "false";
    return;
  default:
    out += "null";
    return;
  }
}

} // namespace

std::string shortest(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string json_number(std::optional<double> value) {
  return value && std::isfinite(*value) ? shortest(*value) : "null";
}

json_value json_value::operator[](std::string_view field) const {
  if (!is_object()) return {};
  for (auto candidate : value_->getObject())
    if (std::string_view(candidate.getName().cStr(), candidate.getName().size()) == field)
      return json_value(candidate.getValue());
  return {};
}

std::vector<json_value> json_value::items() const {
  std::vector<json_value> found;
  if (value_ && value_->isArray())
    for (auto item : value_->getArray())
      found.emplace_back(item);
  return found;
}

std::vector<std::pair<std::string, json_value>> json_value::fields() const {
  std::vector<std::pair<std::string, json_value>> found;
  if (is_object())
    for (auto field : value_->getObject())
      found.emplace_back(str(field.getName()), json_value(field.getValue()));
  return found;
}

std::string json_value::text() const {
  if (!value_) return {};
  switch (value_->which()) {
  case capnp::json::Value::STRING:
    return str(value_->getString());
  case capnp::json::Value::NUMBER:
    return shortest(value_->getNumber());
  case capnp::json::Value::BOOLEAN:
    return value_->getBoolean() ? "true" : "false";
  default:
    return {};
  }
}

std::optional<double> json_value::number() const {
  if (!value_) return {};
  if (value_->isNumber()) return value_->getNumber();
  auto text = this->text();
  if (text == "NaN") return std::nan("");
  if (text == "Infinity" || text == "-Infinity") return text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
  double number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

int64_t json_value::integer(int64_t otherwise) const {
  if (!value_) return otherwise;
  // An int64 that travels as a string may not go through a double: ids have 19 digits.
  if (value_->isString()) {
    auto text = this->text();
    int64_t number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    return problem == std::errc() && end == text.data() + text.size() ? number : otherwise;
  }
  auto value = number();
  return value && std::abs(*value) < 9.2e18 ? static_cast<int64_t>(*value) : otherwise;
}

std::string json_value::pretty(size_t indent) const {
  if (!value_) return "null";
  std::string out;
  print(out, *value_, indent);
  return out;
}

std::string json_value::compact() const { return pretty(one_line); }

result<json_document> json_document::parse(std::string_view text) {
  json_document document;
  document.message_ = std::make_shared<capnp::MallocMessageBuilder>();
  auto problem = kj::runCatchingExceptions([&] {
    capnp::JsonCodec codec;
    codec.setMaxNestingDepth(64);
    codec.decodeRaw(kj::ArrayPtr<const char>(text.data(), text.size()),
                    document.message_->initRoot<capnp::json::Value>());
  });
  KJ_IF_MAYBE (exception, problem)
    return fail(errc::data_loss, "not valid JSON: {}", exception->getDescription().cStr());
  return document;
}

json_value json_document::root() const {
  if (!message_) return {};
  return json_value(message_->getRoot<capnp::json::Value>().asReader());
}

} // namespace troupe::cli
