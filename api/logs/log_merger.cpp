#include "api/logs/log_merger.hpp"

#include "api/logs/node_logs.hpp"
#include "base/names.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace troupe::api {

namespace {

constexpr size_t rounds_max = 64;
constexpr size_t entries_read_max = 50'000;

/// An entry that was read, and the position after it.
struct read_entry {
  log_entry entry;
  std::string replica; // empty: a platform message
  uint64_t next = 0;
};

/// A part of one job's log, in order, as far as this round has read it.
struct stream {
  uint64_t job = 0;
  std::vector<read_entry> entries;
  size_t taken = 0;
  bool cut = false; // the source has more entries after these

  bool empty() const { return taken == entries.size(); }
};

struct node_read {
  const log_source* source;
  std::string node;
};

class page_merger {
public:
  page_merger(const context& context, const std::vector<log_source>& sources, const filter& wanted,
              size_t size, log_position& position)
      : context_(context), sources_(sources), wanted_(wanted), size_(size), position_(position),
        deadline_(std::chrono::steady_clock::now() + context.settings.node_timeout_ms) {}

  result<log_page> page() {
    bool cut = true;
    for (size_t round = 0; cut && round < rounds_max && !full() && !out_of_budget(); ++round) {
      auto fetched = fetch();
      if (!fetched) return std::unexpected(fetched.error());
      merge();
      cut = std::ranges::any_of(streams_, [](const stream& each) { return each.cut; });
    }
    bool left = std::ranges::any_of(streams_, [](const stream& each) { return !each.empty(); });
    bool running =
        std::ranges::any_of(sources_, [](const log_source& source) { return !source.over; });
    if (!left && !cut) finish_sources();
    std::ranges::move(notices_, std::back_inserter(page_.entries));
    page_.more = left || cut || running;
    return std::move(page_);
  }

private:
  bool full() const { return page_.entries.size() + notices_.size() >= size_; }
  bool out_of_budget() const {
    return read_ >= entries_read_max || context_.stopping
           || std::chrono::steady_clock::now() > deadline_;
  }

  result<> fetch() {
    streams_.clear();
    std::vector<node_read> reads;
    for (const log_source& source : sources_) {
      if (position_.jobs[source.origin.job].finished) continue;
      auto messages = service_messages(source);
      if (!messages) return std::unexpected(messages.error());
      streams_.push_back(std::move(*messages));
      for (const std::string& node : source.nodes)
        reads.push_back({&source, node});
    }
    entries_each_ = uint32_t(std::clamp<size_t>(2 * size_ / (reads.size() + 1), 50, size_ + 50));
    std::vector<node_query> queries;
    for (const node_read& read : reads)
      queries.push_back({read.node, query_for(*read.source)});
    auto answers = read_nodes(context_.cluster, queries, deadline_, context_.stopping);
    for (size_t index = 0; index < reads.size(); ++index)
      add_stream(reads[index], answers[index]);
    return {};
  }

  result<stream> service_messages(const log_source& source) {
    stream found{.job = source.origin.job};
    auto prefix = parts_prefix(source.origin.job);
    auto first = key_of(source.origin.job, position_.jobs[source.origin.job].service_next);
    result<> outcome;
    auto visit = [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(prefix)) return false;
      if (found.entries.size() > size_) {
        found.cut = true;
        return false;
      }
      uint64_t number = 0;
      std::from_chars(key.data() + prefix.size(), key.data() + key.size(), number);
      auto message = wire::frame<wire::ServiceLog>::parse(value);
      if (message)
        found.entries.push_back({entry_of(source.origin, number, **message), "", number + 1});
      else
        outcome =
            fail(message.error().code, "stored service log {}: {}", key, message.error().message);
      return outcome.has_value();
    };
    auto scanned = context_.database().scan(store::family::service_logs, first, false, visit);
    if (!scanned) return std::unexpected(scanned.error());
    if (!outcome) return std::unexpected(outcome.error());
    return found;
  }

  wire::frame<wire::LogQuery> query_for(const log_source& source) {
    return wire::frame<wire::LogQuery>::build([&](wire::LogQuery::Builder query) {
      query.setJobId(source.origin.job);
      query.setEntriesMax(entries_each_);
      const auto& offsets = position_.jobs[source.origin.job].offsets;
      auto positions = query.initPositions(kj::uint(offsets.size()));
      kj::uint index = 0;
      for (const auto& [replica, offset] : offsets) {
        positions[index].setReplica(wire::text(replica));
        positions[index++].setOffset(offset);
      }
    });
  }

  void add_stream(const node_read& read, const node_answer& answer) {
    if (!answer)
      return add_notice(
          read, fmt::format("no answer within {} ms", context_.settings.node_timeout_ms.count()));
    if (!*answer) return add_notice(read, answer->error().message);
    auto chunk = ***answer;
    if (chunk.getError().size() > 0) return add_notice(read, wire::str(chunk.getError()));
    position_.silent_nodes.erase(read.node);
    stream found{.job = read.source->origin.job};
    for (auto line : chunk.getEntries())
      found.entries.push_back({entry_of(read.source->origin, line), wire::str(line.getReplica()),
                               line.getNextOffset()});
    found.cut = found.entries.size() >= entries_each_;
    streams_.push_back(std::move(found));
  }

  /// Adds an entry which says that a node's logs are missing: once for each node, not in every
  /// page.
  void add_notice(const node_read& read, std::string_view reason) {
    if (notices_.size() >= size_ || !position_.silent_nodes.insert(read.node).second) return;
    log_entry notice{.origin = read.source->origin, .task = "service", .severity = "WARNING"};
    auto now = std::chrono::system_clock::now().time_since_epoch();
    notice.nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    notice.text = fmt::format("The logs on node {} cannot be read now ({}) and are missing here. "
                              "They follow when the node is back.",
                              read.node, reason);
    notice.insert_id = fmt::format("{}/silent/{}/{}", notice.origin.job, read.node, notice.nanos);
    notices_.push_back(std::move(notice));
  }

  /// Moves entries into the page, oldest first, until no entry is certain to be the oldest: one of
  /// the streams is used up, but its source has more.
  void merge() {
    while (!full()) {
      stream* oldest = nullptr;
      for (stream& each : streams_) {
        if (each.empty() && each.cut) return;
        if (!each.empty() && (!oldest || head(each).nanos < head(*oldest).nanos)) oldest = &each;
      }
      if (!oldest) return;
      take_head(*oldest);
    }
  }

  static const log_entry& head(const stream& stream) { return stream.entries[stream.taken].entry; }

  void take_head(stream& stream) {
    read_entry& next = stream.entries[stream.taken++];
    auto& position = position_.jobs[stream.job];
    if (next.replica.empty())
      position.service_next = next.next;
    else
      position.offsets[next.replica] = next.next;
    ++read_;
    if (matches(wanted_, next.entry)) page_.entries.push_back(std::move(next.entry));
  }

  /// Marks jobs that have ended and were read to their end, so that the next page does not read
  /// them again: a tuning job may have a thousand trials.
  void finish_sources() {
    auto silent = [&](const std::string& node) { return position_.silent_nodes.contains(node); };
    for (const log_source& source : sources_)
      if (source.over && std::ranges::none_of(source.nodes, silent))
        position_.jobs[source.origin.job] = {.finished = true, .offsets = {}};
  }

  const context& context_;
  const std::vector<log_source>& sources_;
  const filter& wanted_;
  size_t size_;
  log_position& position_;
  std::chrono::steady_clock::time_point deadline_;

  std::vector<stream> streams_;
  std::vector<log_entry> notices_;
  log_page page_;
  size_t read_ = 0;
  uint32_t entries_each_ = 0;
};

} // namespace

result<log_page> read_log_page(const context& context, const std::vector<log_source>& sources,
                               const filter& wanted, size_t size, log_position& position) {
  return page_merger(context, sources, wanted, size, position).page();
}

} // namespace troupe::api
