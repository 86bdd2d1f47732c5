#include "core/machines/amounts.hpp"

namespace troupe::core {

bool fits(const amounts& demand, const amounts& free) {
  if (demand.cpu_millis > free.cpu_millis || demand.memory_bytes > free.memory_bytes
      || demand.gpus > free.gpus)
    return false;
  return demand.gpus == 0 || demand.gpu_type == wire::AcceleratorType::UNSPECIFIED
         || demand.gpu_type == free.gpu_type;
}

void subtract(amounts& from, const amounts& part) {
  from.cpu_millis -= part.cpu_millis;
  from.memory_bytes -= part.memory_bytes;
  from.gpus -= part.gpus;
}

void add(amounts& to, const amounts& part) {
  to.cpu_millis += part.cpu_millis;
  to.memory_bytes += part.memory_bytes;
  to.gpus += part.gpus;
}

amounts amounts_of(wire::Resources::Reader from) {
  return {from.getCpuMillis(), from.getMemoryBytes(), from.getGpus(), from.getGpuType()};
}

void set_amounts(wire::Resources::Builder builder, const amounts& from) {
  builder.setCpuMillis(from.cpu_millis);
  builder.setMemoryBytes(from.memory_bytes);
  builder.setGpus(from.gpus);
  builder.setGpuType(from.gpu_type);
}

} // namespace troupe::core
