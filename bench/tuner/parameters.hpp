// The parameters of a study, written down briefly and turned into JSON: nested as conditional
// parameters, or flat, as if all of them were always active.
#pragma once

#include <string>
#include <vector>

namespace troupe::bench {

struct branch;

struct parameter {
  std::string id;
  std::string spec; // JSON of what it is, without its id
  std::vector<branch> branches = {};
};

struct branch {
  std::string condition; // JSON
  parameter child;
};

parameter real(const std::string& id, double low, double high);
parameter real_log(const std::string& id, double low, double high);
parameter integer(const std::string& id, int low, int high, std::vector<branch> branches = {});
parameter discrete(const std::string& id, const std::vector<double>& values);
parameter category(const std::string& id, const std::vector<std::string>& values,
                   std::vector<branch> branches = {});

branch under(const std::string& value, parameter child);
branch under(const std::vector<int>& values, parameter child);

/// x0, x1, ...
std::vector<parameter> reals(int count, double low, double high);

std::string to_json(const std::vector<parameter>& all);
std::string to_flat_json(const std::vector<parameter>& all);

} // namespace troupe::bench
