#include "link/tls.hpp"

#include "base/files.hpp"

#include <kj/debug.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace troupe::link {

namespace {

result<std::string> contents(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text || text->empty())
    return fail(errc::not_found, "cannot read {}: expected a PEM file; `troupe ca` makes it",
                file.string());
  return text;
}

/// Parses with a kj constructor that throws.
template <class T>
result<T> parsed(const std::filesystem::path& file, std::string_view kind) {
  auto text = contents(file);
  if (!text) return std::unexpected(text.error());
  kj::Maybe<T> value;
  auto problem =
      kj::runCatchingExceptions([&] { value = T(kj::StringPtr(text->c_str(), text->size())); });
  KJ_IF_MAYBE (found, value) {
    return kj::mv(*found);
  }
  std::string reason = "empty";
  KJ_IF_MAYBE (e, problem) {
    reason = text_of(*e);
  }
  return fail(errc::invalid_argument, "{}: no {} in PEM form: {}", file.string(), kind, reason);
}

/// kj does not ask, and every handshake would fail with a reason that helps nobody.
bool belong_together(const identity& self) {
  std::unique_ptr<BIO, int (*)(BIO*)> certificate_in(BIO_new_file(self.certificate.c_str(), "r"),
                                                     BIO_free);
  std::unique_ptr<BIO, int (*)(BIO*)> key_in(BIO_new_file(self.key.c_str(), "r"), BIO_free);
  if (!certificate_in || !key_in) return false;
  std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(certificate_in.get(), nullptr, nullptr, nullptr), X509_free);
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  bool same = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return same;
}

} // namespace

result<kj::Own<kj::TlsContext>> tls_context(const identity& self) {
  auto certificate = parsed<kj::TlsCertificate>(self.certificate, "certificate");
  if (!certificate) return std::unexpected(certificate.error());
  auto key = parsed<kj::TlsPrivateKey>(self.key, "private key");
  if (!key) return std::unexpected(key.error());
  auto authority = parsed<kj::TlsCertificate>(self.authority, "certificate");
  if (!authority) return std::unexpected(authority.error());

  if (!belong_together(self))
    return fail(errc::invalid_argument,
                "{} and {} do not belong together: the key is another certificate's",
                self.certificate.string(), self.key.string());

  kj::TlsKeypair pair{kj::mv(*key), kj::mv(*certificate)};
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.verifyClients = true;
  options.trustedCertificates = kj::arrayPtr(&*authority, 1);
  options.minVersion = kj::TlsVersion::TLS_1_2;
  options.defaultKeypair = pair;
  kj::Own<kj::TlsContext> context;
  auto problem = kj::runCatchingExceptions([&] { context = kj::heap<kj::TlsContext>(options); });
  KJ_IF_MAYBE (e, problem) {
    return fail(errc::invalid_argument, "{} and {} do not belong together: {}",
                self.certificate.string(), self.key.string(), text_of(*e));
  }
  return context;
}

result<std::string> name_of(kj::PeerIdentity& peer) {
  std::string name;
  auto problem = kj::runCatchingExceptions([&] {
    auto& tls = kj::downcast<kj::TlsPeerIdentity>(peer);
    KJ_REQUIRE(tls.hasCertificate(), "no certificate was shown");
    name = tls.getCommonName().cStr();
  });
  KJ_IF_MAYBE (e, problem) {
    return fail(errc::unauthenticated, "{}", text_of(*e));
  }
  if (name.empty()) return fail(errc::unauthenticated, "the certificate has no common name");
  return name;
}

error error_of(const kj::Exception& exception) {
  std::string text = exception.getDescription().cStr();
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  // "OpenSSL error; message = error:0A000086:SSL routines::certificate verify failed": only the end
  // is for people.
  if (text.starts_with("OpenSSL error")) {
    if (auto end = text.rfind("::"); end != std::string::npos) text.erase(0, end + 2);
    return {errc::unauthenticated, "TLS: " + text};
  }
  if (text.starts_with("TLS")) return {errc::unauthenticated, text};
  return {errc::unavailable, text};
}

std::string text_of(const kj::Exception& exception) { return error_of(exception).message; }

error error_of_arrival(const kj::Exception& exception, std::chrono::milliseconds bound) {
  // What kj's timeouts throw; nothing else in an arrival is of this type.
  if (exception.getType() == kj::Exception::Type::OVERLOADED)
    return {errc::deadline_exceeded, fmt::format("did not join within {} ms", bound.count())};
  return error_of(exception);
}

} // namespace troupe::link
