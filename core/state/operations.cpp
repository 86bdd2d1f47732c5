#include "core/state/operations.hpp"

#include "wire/json.hpp"

#include <capnp/compat/json.h>
#include <fmt/chrono.h>

namespace troupe::core {

using wire::text;

namespace {

using object = capnp::json::Value::Builder;
constexpr int64_t second_micros = 1'000'000;

void set_field(capnp::json::Value::Field::Builder field, std::string_view key,
               const std::string& value) {
  field.setName(text(std::string(key)));
  field.initValue().setString(text(value));
}

std::string time_text(int64_t micros) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(micros / second_micros),
                     micros % second_micros);
}

std::string type_text(std::string_view name) {
  return fmt::format("type.googleapis.com/google.cloud.aiplatform.v1.{}", name);
}

void set_times(capnp::json::Value::Field::Builder field, int64_t created, int64_t updated) {
  field.setName("genericMetadata");
  auto times = field.initValue().initObject(2);
  set_field(times[0], "createTime", time_text(created));
  set_field(times[1], "updateTime", time_text(updated));
}

void set_metadata(wire::Operation::Builder operation, const operation_facts& facts) {
  const bool check = !facts.trial.empty();
  auto fields = operation.initMetadata().initObject(check ? 4 : 3);
  // The second name is spelt as in Google's interface.
  set_field(fields[0], "@type",
            type_text(check ? "CheckTrialEarlyStoppingStateMetatdata" : "SuggestTrialsMetadata"));
  set_times(fields[1], facts.start_micros, facts.now_micros);
  if (!check) return set_field(fields[2], "clientId", facts.client);
  set_field(fields[2], "study", facts.study);
  set_field(fields[3], "trial", facts.trial);
}

template <class Fill>
wire::frame<wire::Operation> operation_with(const operation_facts& facts, bool done, Fill fill) {
  return wire::frame<wire::Operation>::build([&](wire::Operation::Builder operation) {
    operation.setName(text(facts.name));
    operation.setDone(done);
    set_metadata(operation, facts);
    fill(operation);
  });
}

/// The message as a JSON object, with its type in front.
template <class T>
void set_any(object into, std::string_view type, typename T::Reader message) {
  const std::string json = wire::to_json<T>(message);
  capnp::MallocMessageBuilder scratch;
  auto plain = scratch.initRoot<capnp::json::Value>();
  capnp::JsonCodec codec;
  codec.decodeRaw(kj::ArrayPtr<const char>(json.data(), json.size()), plain);
  auto from = plain.asReader().getObject();
  auto fields = into.initObject(from.size() + 1);
  set_field(fields[0], "@type", type_text(type));
  for (uint32_t i = 0; i < from.size(); ++i)
    fields.setWithCaveats(i + 1, from[i]);
}

} // namespace

wire::frame<wire::Operation> deletion_operation(const std::string& name, int64_t now) {
  return wire::frame<wire::Operation>::build([&](wire::Operation::Builder operation) {
    operation.setName(text(name));
    operation.setDone(true);
    auto fields = operation.initMetadata().initObject(2);
    set_field(fields[0], "@type", type_text("DeleteOperationMetadata"));
    set_times(fields[1], now, now);
    object response = operation.initResponse();
    set_field(response.initObject(1)[0], "@type", "type.googleapis.com/google.protobuf.Empty");
  });
}

wire::frame<wire::Operation> waiting_operation(const operation_facts& facts) {
  return operation_with(facts, false, [](wire::Operation::Builder) {});
}

wire::frame<wire::Operation> failed_operation(const operation_facts& facts, const failure& why) {
  return operation_with(facts, true, [&](wire::Operation::Builder operation) {
    auto status = operation.initError();
    status.setCode(static_cast<int32_t>(why.code));
    status.setMessage(text(why.message));
  });
}

wire::frame<wire::Operation> suggested_operation(const operation_facts& facts,
                                                 wire::SuggestTrialsResponse::Reader response) {
  return operation_with(facts, true, [&](wire::Operation::Builder operation) {
    set_any<wire::SuggestTrialsResponse>(operation.initResponse(), "SuggestTrialsResponse",
                                         response);
  });
}

wire::frame<wire::Operation>
checked_operation(const operation_facts& facts,
                  wire::CheckTrialEarlyStoppingStateResponse::Reader response) {
  return operation_with(facts, true, [&](wire::Operation::Builder operation) {
    set_any<wire::CheckTrialEarlyStoppingStateResponse>(
        operation.initResponse(), "CheckTrialEarlyStoppingStateResponse", response);
  });
}

} // namespace troupe::core
