#include "bench/tuner/parameters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace troupe::bench {

namespace {

std::string range(const char* kind, auto low, auto high) {
  return fmt::format(R"("{}": {{"minValue": {}, "maxValue": {}}})", kind, low, high);
}

std::string quoted(const std::vector<std::string>& values) {
  return fmt::format("\"{}\"", fmt::join(values, "\", \""));
}

std::string nested(const parameter& p) {
  std::vector<std::string> below;
  for (const auto& b : p.branches)
    below.push_back(fmt::format(R"({{{}, "parameterSpec": {}}})", b.condition, nested(b.child)));
  const auto children =
      below.empty() ? ""
                    : fmt::format(R"(, "conditionalParameterSpecs": [{}])", fmt::join(below, ", "));
  return fmt::format(R"({{"parameterId": "{}", {}{}}})", p.id, p.spec, children);
}

void flatten(const parameter& p, std::vector<parameter>& into) {
  into.push_back({p.id, p.spec});
  for (const auto& b : p.branches)
    flatten(b.child, into);
}

} // namespace

parameter real(const std::string& id, double low, double high) {
  return {id, range("doubleValueSpec", low, high)};
}

parameter real_log(const std::string& id, double low, double high) {
  return {id, R"("scaleType": "UNIT_LOG_SCALE", )" + range("doubleValueSpec", low, high)};
}

parameter integer(const std::string& id, int low, int high, std::vector<branch> branches) {
  return {id, range("integerValueSpec", low, high), std::move(branches)};
}

parameter discrete(const std::string& id, const std::vector<double>& values) {
  return {id, fmt::format(R"("discreteValueSpec": {{"values": [{}]}})", fmt::join(values, ", "))};
}

parameter category(const std::string& id, const std::vector<std::string>& values,
                   std::vector<branch> branches) {
  return {id, fmt::format(R"("categoricalValueSpec": {{"values": [{}]}})", quoted(values)),
          std::move(branches)};
}

branch under(const std::string& value, parameter child) {
  return {fmt::format(R"("parentCategoricalValues": {{"values": ["{}"]}})", value),
          std::move(child)};
}

branch under(const std::vector<int>& values, parameter child) {
  return {fmt::format(R"("parentIntValues": {{"values": [{}]}})", fmt::join(values, ", ")),
          std::move(child)};
}

std::vector<parameter> reals(int count, double low, double high) {
  std::vector<parameter> all;
  for (int i = 0; i < count; ++i)
    all.push_back(real(fmt::format("x{}", i), low, high));
  return all;
}

std::string to_json(const std::vector<parameter>& all) {
  std::string json;
  for (const auto& p : all)
    json += (json.empty() ? "" : ", ") + nested(p);
  return json;
}

std::string to_flat_json(const std::vector<parameter>& all) {
  std::vector<parameter> flat;
  for (const auto& p : all)
    flatten(p, flat);
  return to_json(flat);
}

} // namespace troupe::bench
