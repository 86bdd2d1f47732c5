#include "link/authority.hpp"

#include "tests/link/harness.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>

using namespace troupe;
using namespace troupe::link;
namespace fs = std::filesystem;

namespace {

std::shared_ptr<X509> load(const fs::path& file) {
  auto* in = std::fopen(file.c_str(), "r");
  REQUIRE(in);
  std::shared_ptr<X509> certificate(PEM_read_X509(in, nullptr, nullptr, nullptr), X509_free);
  std::fclose(in);
  REQUIRE(certificate);
  return certificate;
}

std::string text(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

int days_left(X509* certificate) {
  int days = 0, seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) == 1);
  return seconds > 43200 ? days + 1 : days;
}

bool is_private(const fs::path& file) {
  return fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write);
}

} // namespace

TEST_CASE("an authority is made once") {
  test::scratch dir;
  auto place = dir.path() / "new" / "ca";
  REQUIRE(create_authority(place));
  CHECK(is_private(place / "authority-key.pem"));
  auto certificate = load(place / "authority.pem");
  CHECK(X509_check_ca(certificate.get()) == 1);
  CHECK(days_left(certificate.get()) == 3650);
  auto before = text(place / "authority.pem") + text(place / "authority-key.pem");
  auto again = create_authority(place);
  REQUIRE(!again);
  CHECK(again.error().code == errc::already_exists);
  fs::remove(place / "authority.pem"); // what is left of one is an authority too
  CHECK(!create_authority(place));
  CHECK(before.ends_with(text(place / "authority-key.pem")));
}

TEST_CASE("a certificate has its name, hosts, days and purposes") {
  test::scratch dir;
  REQUIRE(create_authority(dir.path()));
  auto done =
      issue(dir.path(), "node-1.rack_2", {"gpu1.example.org", "10.1.2.3", "fe80::1"}, {.days = 30});
  REQUIRE_MESSAGE(done, done.error().message);
  auto files = identity_of(dir.path(), "node-1.rack_2");
  CHECK(is_private(files.key));
  auto certificate = load(files.certificate);
  auto* c = certificate.get();
  CHECK(days_left(c) == 30);
  for (auto host : {"node-1.rack_2", "gpu1.example.org"})
    CHECK(X509_check_host(c, host, 0, 0, nullptr) == 1);
  CHECK(X509_check_host(c, "gpu2.example.org", 0, 0, nullptr) == 0);
  for (auto address : {"10.1.2.3", "fe80::1"})
    CHECK(X509_check_ip_asc(c, address, 0) == 1);
  CHECK(X509_check_ca(c) == 0);
  CHECK(X509_check_purpose(c, X509_PURPOSE_SSL_CLIENT, 0) == 1);
  CHECK(X509_check_purpose(c, X509_PURPOSE_SSL_SERVER, 0) == 1);
  auto authority = load(files.authority);
  CHECK(X509_verify(c, X509_get0_pubkey(authority.get())) == 1);
  CHECK(X509_check_issued(authority.get(), c) == X509_V_OK);
}

TEST_CASE("a certificate is replaced only when asked") {
  test::scratch dir;
  REQUIRE(create_authority(dir.path()));
  REQUIRE(issue(dir.path(), "agent", {}));
  auto before = text(identity_of(dir.path(), "agent").certificate);
  auto again = issue(dir.path(), "agent", {});
  REQUIRE(!again);
  CHECK(again.error().code == errc::already_exists);
  CHECK(text(identity_of(dir.path(), "agent").certificate) == before);
  REQUIRE(issue(dir.path(), "agent", {}, {.replace = true}));
  CHECK(text(identity_of(dir.path(), "agent").certificate) != before);
  CHECK(is_private(identity_of(dir.path(), "agent").key));
}

TEST_CASE("names that could mean something else are refused") {
  test::scratch dir;
  REQUIRE(create_authority(dir.path()));
  for (const auto& name : std::vector<std::string>{"", "authority", "a b", "../up", "*.example.org",
                                                   "a,DNS:b", "-a", std::string(64, 'a')}) {
    auto done = issue(dir.path(), name, {});
    REQUIRE(!done);
    CHECK(done.error().code == errc::invalid_argument);
  }
  for (std::string host : {"", "*", "a,IP:1.2.3.4", "host name"}) {
    auto done = issue(dir.path(), "agent", {host});
    REQUIRE(!done);
    CHECK(done.error().code == errc::invalid_argument);
  }
}

TEST_CASE("without an authority nothing is issued") {
  test::scratch dir;
  auto done = issue(dir.path(), "agent", {});
  REQUIRE(!done);
  CHECK(done.error().code == errc::not_found);
  CHECK(done.error().message.find(dir.path().string()) != std::string::npos);
}
