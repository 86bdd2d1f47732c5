#include "core/machines/pools.hpp"

#include "wire/frame.hpp"

namespace troupe::core {

namespace {

std::string_view without_tag(std::string_view image) {
  image = image.substr(0, image.find('@'));
  // A colon before the last slash belongs to the host's port.
  const auto slash = image.rfind('/');
  const auto colon = image.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
    image = image.substr(0, colon);
  return image;
}

} // namespace

bool is_reducer_image(std::string_view image_uri) {
  const auto path = without_tag(image_uri);
  return path == "troupe/reductionserver" || path.ends_with("/training/reductionserver");
}

bool is_reducer_pool(wire::WorkerPoolSpec::Reader pool) {
  return pool.isContainerSpec()
         && is_reducer_image(wire::view(pool.getContainerSpec().getImageUri()));
}

bool is_empty_pool(wire::WorkerPoolSpec::Reader pool) {
  const auto machine = pool.getMachineSpec();
  return pool.isNoTask() && pool.getReplicaCount() == 0 && machine.getMachineType().size() == 0
         && machine.getAcceleratorType() == wire::AcceleratorType::UNSPECIFIED
         && machine.getAcceleratorCount() == 0;
}

uint32_t replica_count(wire::WorkerPoolSpec::Reader pool) {
  if (is_empty_pool(pool)) return 0;
  const auto count = pool.getReplicaCount();
  if (count == 0) return 1;
  return count < 0 ? 0 : static_cast<uint32_t>(count);
}

} // namespace troupe::core
