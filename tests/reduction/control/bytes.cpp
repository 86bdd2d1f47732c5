#include "reduction/control/bytes.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {

TEST_CASE("what a writer wrote is read back in the same order") {
  const auto bytes = byte_writer().number(uint16_t{7}).text("job").number(-2.5).take();
  byte_reader in(bytes);
  CHECK(in.number<uint16_t>() == 7);
  CHECK(in.text() == "job");
  CHECK(in.number<double>() == -2.5);
  CHECK(in.complete());
}

TEST_CASE("a reader that runs past the end gives zeros from then on and says so") {
  const auto bytes = byte_writer().number(uint32_t{0xffff'ffff}).number(uint8_t{5}).take();
  byte_reader in(bytes);
  CHECK(in.text().empty()); // its length lies beyond the end
  CHECK(!in.good());
  CHECK(in.number<uint8_t>() == 0);
  CHECK(!in.complete());
}

TEST_CASE("a message with bytes left over is not complete") {
  const auto bytes = byte_writer().number(uint8_t{1}).number(uint8_t{2}).take();
  byte_reader in(bytes);
  CHECK(in.number<uint8_t>() == 1);
  CHECK(in.good());
  CHECK(!in.complete());
}

} // namespace troupe::reduction::test
