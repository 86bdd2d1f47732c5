// The YAML half of json_tree.hpp: yaml-cpp's events, built into a tree that keeps positions and
// unquoted scalars.
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "wire/frame.hpp"
#include "wire/json_tree.hpp"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace troupe::wire {

namespace {

place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

size_t nodes_of(const tree& value) {
  size_t nodes = 1;
  for (const auto& item : value.items)
    nodes += nodes_of(item);
  for (const auto& member : value.members)
    nodes += nodes_of(member.value);
  return nodes;
}

int depth_of(const tree& value) {
  int below = 0;
  for (const auto& item : value.items)
    below = std::max(below, depth_of(item));
  for (const auto& member : value.members)
    below = std::max(below, depth_of(member.value));
  return below + (value.is == tree::kind::array || value.is == tree::kind::object);
}

// After the first failure it ignores what follows, as yaml-cpp can only be stopped by an
// exception.
class tree_builder : public YAML::EventHandler {
public:
  explicit tree_builder(std::string_view file) : file_(file) {}

  result<tree> take() {
    if (failure_) return std::unexpected(*failure_);
    return std::move(root_);
  }

  void refuse(place at, std::string_view message) {
    if (!failure_)
      failure_ = error{errc::invalid_argument,
                       fmt::format("{}:{}:{}: {}", file_, at.line, at.column, message)};
  }

  bool failed() const { return failure_.has_value(); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.is = tree::kind::null, .at = place_of(mark)}, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // yaml-cpp's tags: "?" for a plain scalar, "!" for a quoted one.
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    add({.is = quoted ? tree::kind::text : tree::kind::plain,
         .at = place_of(mark),
         .scalar = value},
        anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(tree::kind::array, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(tree::kind::object, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failed()) return;
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end())
      return refuse(place_of(mark), "an alias inside the value that it stands for");
    nodes_ += found->second.nodes;
    if (nodes_ > tree_nodes_max)
      return refuse(place_of(mark),
                    fmt::format("more than {} values once aliases are expanded", tree_nodes_max));
    if (static_cast<int>(open_.size()) + found->second.depth > tree_depth_max)
      return too_deep(place_of(mark));
    attach(found->second.value);
  }

private:
  struct anchored {
    tree value;
    size_t nodes;
    int depth;
  };

  struct unfinished {
    tree value;
    YAML::anchor_t anchor;
    std::optional<tree_member> pending;          // a key whose value comes next
    std::unordered_map<std::string, place> seen; // keys of an object
    std::vector<tree> merges;                    // values of "<<"
  };

  void too_deep(place at) {
    refuse(at, fmt::format("nested deeper than {} levels", tree_depth_max));
  }

  void open(tree::kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (failed()) return;
    if (static_cast<int>(open_.size()) >= tree_depth_max) return too_deep(place_of(mark));
    if (awaits_key())
      return refuse(place_of(mark), "expected a plain word as the key, got a list or a mapping");
    open_.push_back({.value = {.is = kind, .at = place_of(mark)}, .anchor = anchor});
  }

  void close() {
    if (failed()) return;
    auto done = std::move(open_.back());
    open_.pop_back();
    if (!merge(done)) return;
    add(std::move(done.value), done.anchor);
  }

  // YAML's merge key: members that the object does not give itself; the first mapping that has one
  // wins.
  bool merge(unfinished& object) {
    for (auto& value : object.merges) {
      auto sources =
          value.is == tree::kind::array ? std::move(value.items) : std::vector{std::move(value)};
      for (auto& source : sources) {
        if (source.is != tree::kind::object) {
          refuse(source.at, "expected a mapping or a list of mappings after '<<'");
          return false;
        }
        for (auto& member : source.members)
          if (object.seen.emplace(member.name, member.at).second)
            object.value.members.push_back(std::move(member));
      }
    }
    return true;
  }

  bool awaits_key() const {
    return !open_.empty() && open_.back().value.is == tree::kind::object && !open_.back().pending;
  }

  void add(tree value, YAML::anchor_t anchor) {
    if (failed()) return;
    if (++nodes_ > tree_nodes_max)
      return refuse(value.at, fmt::format("more than {} values", tree_nodes_max));
    if (anchor != 0) {
      const auto nodes = nodes_of(value);
      nodes_ += nodes; // the copy that is kept for aliases
      if (nodes_ > tree_nodes_max)
        return refuse(value.at, fmt::format("more than {} values", tree_nodes_max));
      anchored_[anchor] = {value, nodes, depth_of(value)};
    }
    attach(std::move(value));
  }

  void attach(tree value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    auto& parent = open_.back();
    if (parent.value.is == tree::kind::array)
      parent.value.items.push_back(std::move(value));
    else if (!parent.pending)
      key(parent, std::move(value));
    else
      member(parent, std::move(value));
  }

  void key(unfinished& parent, tree value) {
    if (value.is != tree::kind::plain && value.is != tree::kind::text)
      return refuse(value.at,
                    fmt::format("expected a plain word as the key, got {}", described(value)));
    const bool is_merge = value.is == tree::kind::plain && value.scalar == "<<";
    if (!is_merge)
      if (auto [first, fresh] = parent.seen.emplace(value.scalar, value.at); !fresh)
        return refuse(value.at,
                      fmt::format("the key {} is given twice; the first is at {}:{}",
                                  shown(value.scalar), first->second.line, first->second.column));
    parent.pending = tree_member{.name = std::move(value.scalar), .at = value.at};
    parent.pending->value.is = value.is;
  }

  void member(unfinished& parent, tree value) {
    auto member = std::move(*parent.pending);
    parent.pending.reset();
    const bool is_merge = member.value.is == tree::kind::plain && member.name == "<<";
    if (is_merge) {
      parent.merges.push_back(std::move(value));
      return;
    }
    member.value = std::move(value);
    parent.value.members.push_back(std::move(member));
  }

  std::string_view file_;
  std::vector<unfinished> open_;
  std::map<YAML::anchor_t, anchored> anchored_;
  tree root_;
  size_t nodes_ = 0;
  std::optional<error> failure_;
};

} // namespace

result<tree> parse_yaml(std::string_view text, std::string_view file) {
  if (text.size() > frame_bytes_max)
    return fail(errc::invalid_argument, "{}: {} bytes of YAML; at most {} are taken", file,
                text.size(), frame_bytes_max);
  if (!is_utf8(text) || text.find('\0') != text.npos)
    return fail(errc::invalid_argument,
                "{}: expected a text in UTF-8, got other bytes; is this a YAML file?", file);
  tree_builder builder(file);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    // Otherwise a second document would be ignored without a message.
    tree_builder second(file);
    if (!builder.failed() && parser.HandleNextDocument(second))
      return fail(errc::invalid_argument,
                  "{}: expected one YAML document, got a second one after '---'", file);
  } catch (const YAML::Exception& exception) {
    builder.refuse(place_of(exception.mark), exception.msg);
  } catch (const std::exception& exception) {
    builder.refuse({}, fmt::format("not readable as YAML: {}", exception.what()));
  }
  return builder.take();
}

} // namespace troupe::wire
