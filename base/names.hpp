// How things are called: resources of the API, tasks of a job, and the keys of stored records. Each
// form is written and read here, and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

// -- resources --

/// "projects/p/locations/l", which all resources have as their parent.
std::string location_name(std::string_view project, std::string_view location);

/// "projects/p/locations/l/customJobs/1"
std::string resource_name(std::string_view project, std::string_view location,
                          std::string_view collection, uint64_t id);

/// "{parent}/trials/1"
std::string child_name(std::string_view parent, std::string_view collection, uint64_t id);
std::string child_name(std::string_view parent, std::string_view collection, std::string_view id);

/// A resource's name in its parts. The views point into the text that was parsed.
struct resource_parts {
  std::string_view project;
  std::string_view location;
  std::string_view collection;
  std::string_view id; // as written: ids of people's choice are no numbers
};

/// Nothing where the text is not "projects/P/locations/L/COLLECTION/ID" with four parts that are
/// not empty.
std::optional<resource_parts> parse_resource_name(std::string_view text);

/// The last segment: "1" of "projects/p/locations/l/customJobs/1"; the whole text if it has one.
std::string_view last_segment(std::string_view name);

/// An id as it stands in names: decimal, above 0, without leading zeros. Nothing for any other text.
std::optional<uint64_t> parse_id(std::string_view text);

/// The id that ends the name.
std::optional<uint64_t> last_id(std::string_view name);

// -- tasks --

/// "workerpool1"
std::string pool_name(uint32_t pool);

/// A replica's place in its job.
struct task_id {
  uint32_t pool = 0;
  uint32_t index = 0;

  bool operator==(const task_id&) const = default;
};

/// "workerpool1-0"
std::string task_name(uint32_t pool, uint32_t index);

/// Nothing where the text is no task's name.
std::optional<task_id> parse_task_name(std::string_view text);

// -- keys of stored records --

/// 20 decimal digits: printable, and ordered as the number is.
std::string key_of(uint64_t id);

/// The key of a numbered part of `id`, such as a study's trial: "{20 digits}/{10 digits}".
std::string key_of(uint64_t id, uint64_t number);

/// What the keys of all numbered parts of `id` begin with.
std::string parts_prefix(uint64_t id);

/// Behind the keys of all numbered parts of `id`, and before those of `id` + 1.
std::string parts_end(uint64_t id);

/// `number` with zeros before it, as the last part of a key.
std::string key_digits(uint64_t number, int digits);

/// The id that a key begins with; 0 if it begins with none.
uint64_t id_of_key(std::string_view key);

} // namespace troupe
