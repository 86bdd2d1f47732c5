// What a controller and an agent send each other over a link: each type of message has a kind, which
// goes into the link frame's header. The message itself is sent as it is and received without a
// copy.
#pragma once

#include "link/frame.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <type_traits>
#include <utility>

namespace troupe::actors {

/// Numbers are not used again for another type while the link protocol's version stays.
enum class frame_kind : uint16_t { order = 1, log_query = 2, report = 3, log_chunk = 4 };

template <class Message>
inline constexpr frame_kind kind_of = {};
template <>
inline constexpr frame_kind kind_of<wire::Order> = frame_kind::order;
template <>
inline constexpr frame_kind kind_of<wire::LogQuery> = frame_kind::log_query;
template <>
inline constexpr frame_kind kind_of<wire::Report> = frame_kind::report;
template <>
inline constexpr frame_kind kind_of<wire::LogChunk> = frame_kind::log_chunk;

template <class Message>
link::frame link_frame(const wire::frame<Message>& message, uint64_t correlation = 0) {
  static_assert(kind_of<Message> != frame_kind{});
  return {static_cast<uint16_t>(kind_of<Message>), correlation, message.shared()};
}

/// Calls `handle(message, correlation)` with the message that arrived. Errors: a kind that is none
/// of `Messages`, or a payload that is not a sane message; the session should be closed with it.
template <class... Messages, class Handle>
result<> handle_frame(const link::frame& arrived, Handle&& handle) {
  result<> outcome = fail(
      errc::unimplemented,
      "a frame of unknown kind {}; run the same version of troupe on both sides", arrived.kind);
  auto matches = [&]<class Message>(std::type_identity<Message>) {
    if (arrived.kind != static_cast<uint16_t>(kind_of<Message>)) return false;
    auto message = wire::frame<Message>::parse(arrived.payload);
    outcome = {};
    if (message)
      handle(std::move(*message), arrived.correlation);
    else
      outcome = fail(message.error().code, "a damaged frame of kind {}: {}", arrived.kind,
                     message.error().message);
    return true;
  };
  (matches(std::type_identity<Messages>{}) || ...);
  return outcome;
}

} // namespace troupe::actors
