#include "link/authority.hpp"

#include "base/files.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <memory>

namespace troupe::link {

namespace {

namespace fs = std::filesystem;

template <auto release>
struct releaser {
  template <class T>
  void operator()(T* p) const {
    release(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, releaser<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, releaser<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, releaser<BIO_free>>;
using number_ptr = std::unique_ptr<BIGNUM, releaser<BN_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, releaser<X509_EXTENSION_free>>;

constexpr std::string_view authority_name = "authority";

fs::path certificate_file(const fs::path& directory, std::string_view name) {
  return directory / fmt::format("{}.pem", name);
}
fs::path key_file(const fs::path& directory, std::string_view name) {
  return directory / fmt::format("{}-key.pem", name);
}

std::unexpected<error> openssl_failure(std::string_view doing) {
  char text[256] = "no reason given";
  if (auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return fail(errc::internal, "{}: {}", doing, text);
}

template <class Write>
std::string pem_of(Write write) {
  bio_ptr out(BIO_new(BIO_s_mem()));
  write(out.get());
  char* text = nullptr;
  auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string pem_of(X509* certificate) {
  return pem_of([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
}
std::string pem_of(EVP_PKEY* key) {
  return pem_of([&](BIO* out) {
    PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

bool extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct description {
  std::string common_name;
  int days;
  std::vector<std::pair<int, std::string>> extensions;
};

/// Signed by the issuer, or by itself where there is none.
result<certificate_ptr> certify(const description& wanted, EVP_PKEY* key, X509* issuer,
                                EVP_PKEY* issuer_key) {
  certificate_ptr made(X509_new());
  X509* c = made.get();
  if (!issuer) issuer = c;
  number_ptr serial(BN_new());
  auto* name = X509_get_subject_name(c);
  auto text = reinterpret_cast<const unsigned char*>(wanted.common_name.c_str());
  // An hour back: the clocks of two machines may differ.
  bool ok = X509_set_version(c, X509_VERSION_3) == 1
            && BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, 0) == 1
            && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(c))
            && X509_gmtime_adj(X509_getm_notBefore(c), -3600)
            && X509_time_adj_ex(X509_getm_notAfter(c), wanted.days, 0, nullptr)
            && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1
            && X509_set_issuer_name(c, X509_get_subject_name(issuer)) == 1
            && X509_set_pubkey(c, key) == 1;
  for (const auto& [kind, value] : wanted.extensions)
    ok = ok && extend(c, issuer, kind, value);
  ok = ok && X509_sign(c, issuer_key, EVP_sha256()) > 0;
  if (!ok) return openssl_failure("making the certificate of " + wanted.common_name);
  return made;
}

struct authority {
  certificate_ptr certificate;
  key_ptr key;
};

result<authority> load_authority(const fs::path& directory) {
  auto read = [&](const fs::path& file, auto parse) {
    bio_ptr in(BIO_new_file(file.c_str(), "r"));
    return in ? parse(in.get(), nullptr, nullptr, nullptr) : nullptr;
  };
  authority found{
      certificate_ptr(read(certificate_file(directory, authority_name), PEM_read_bio_X509)),
      key_ptr(read(key_file(directory, authority_name), PEM_read_bio_PrivateKey))};
  ERR_clear_error();
  if (!found.certificate || !found.key)
    return fail(errc::not_found,
                "{0} holds no authority that can be read ({1}.pem and {1}-key.pem); `troupe ca "
                "init` makes one",
                directory.string(), authority_name);
  if (X509_check_private_key(found.certificate.get(), found.key.get()) != 1) {
    ERR_clear_error();
    return fail(errc::failed_precondition, "{0}: {1}.pem and {1}-key.pem do not belong together",
                directory.string(), authority_name);
  }
  return found;
}

bool is_address(const std::string& host) {
  in6_addr scratch;
  return ::inet_pton(AF_INET, host.c_str(), &scratch) == 1
         || ::inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

/// Also keeps what OpenSSL's extension syntax would read as more than a name out of it.
bool is_name(const std::string& name) {
  auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 63
         && std::isalnum(static_cast<unsigned char>(name.front()))
         && std::all_of(name.begin(), name.end(), allowed);
}

result<std::string> alternative_names(const std::string& name,
                                      const std::vector<std::string>& hosts) {
  std::string text = "DNS:" + name;
  for (const auto& host : hosts) {
    if (!is_address(host) && !is_name(host))
      return fail(errc::invalid_argument, "'{}' is no host: expected a DNS name or an IP address",
                  host);
    text += (is_address(host) ? ",IP:" : ",DNS:") + host;
  }
  return text;
}

result<> make_directory(const fs::path& directory) {
  std::error_code ec;
  if (fs::create_directories(directory, ec)) fs::permissions(directory, fs::perms::owner_all, ec);
  if (ec)
    return fail(errc::failed_precondition, "cannot create {}: {}", directory.string(),
                ec.message());
  return {};
}

} // namespace

result<> create_authority(const fs::path& directory, int days) {
  if (auto made = make_directory(directory); !made) return made;
  auto certificate_path = certificate_file(directory, authority_name);
  auto key_path = key_file(directory, authority_name);
  for (const auto& file : {certificate_path, key_path})
    if (fs::exists(file))
      return fail(errc::already_exists,
                  "{} exists: a new authority would lock out every certificate of the old one; "
                  "move it away, or use "
                  "another directory",
                  file.string());

  key_ptr key(EVP_EC_gen("P-256"));
  unsigned char tag[4];
  if (!key || RAND_bytes(tag, sizeof tag) != 1)
    return openssl_failure("making the authority's key");
  // Told apart from other clusters' authorities by people who look at a certificate.
  description wanted{
      fmt::format("Troupe authority {:02x}{:02x}{:02x}{:02x}", tag[0], tag[1], tag[2], tag[3]),
      days,
      {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
       {NID_key_usage, "critical,keyCertSign,cRLSign"},
       {NID_subject_key_identifier, "hash"}}};
  auto certificate = certify(wanted, key.get(), nullptr, key.get());
  if (!certificate) return std::unexpected(certificate.error());
  if (auto written = create_file(key_path, pem_of(key.get()), 0600); !written) return written;
  return create_file(certificate_path, pem_of(certificate->get()), 0644);
}

result<> issue(const fs::path& directory, const std::string& name,
               const std::vector<std::string>& hosts, const issue_options& options) {
  if (!is_name(name) || name == authority_name || name == "authority-key")
    return fail(errc::invalid_argument,
                "'{}' cannot name a certificate: expected at most 63 letters, digits, '.', '_' or "
                "'-', beginning with "
                "a letter or digit, and not '{}'",
                name, authority_name);
  auto alternatives = alternative_names(name, hosts);
  if (!alternatives) return std::unexpected(alternatives.error());
  std::string uses;
  if (options.may_be.server) uses = "serverAuth";
  if (options.may_be.client) uses += uses.empty() ? "clientAuth" : ",clientAuth";
  if (uses.empty())
    return fail(errc::invalid_argument,
                "the certificate of {} must be for a server, a client or both", name);

  auto output = options.output.empty() ? directory : options.output;
  if (auto made = make_directory(output); !made) return made;
  auto certificate_path = certificate_file(output, name);
  auto key_path = key_file(output, name);
  if (!options.replace)
    for (const auto& file : {certificate_path, key_path})
      if (fs::exists(file))
        return fail(errc::already_exists,
                    "{} exists: ask for its replacement, or choose another name", file.string());

  auto signer = load_authority(directory);
  if (!signer) return std::unexpected(signer.error());
  key_ptr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("making the key of " + name);
  description wanted{name,
                     options.days,
                     {{NID_basic_constraints, "critical,CA:FALSE"},
                      {NID_key_usage, "critical,digitalSignature"},
                      {NID_ext_key_usage, uses},
                      {NID_subject_alt_name, *alternatives},
                      {NID_subject_key_identifier, "hash"},
                      {NID_authority_key_identifier, "keyid"}}};
  auto certificate = certify(wanted, key.get(), signer->certificate.get(), signer->key.get());
  if (!certificate) return std::unexpected(certificate.error());
  const auto place = [&](const fs::path& file, const std::string& text, mode_t mode) -> result<> {
    if (!options.replace) return create_file(file, text, mode);
    // In one step, so that a process that starts meanwhile reads the old file or the new one.
    return replace_file(file, text, mode, durability::power);
  };
  if (auto written = place(key_path, pem_of(key.get()), 0600); !written) return written;
  return place(certificate_path, pem_of(certificate->get()), 0644);
}

identity identity_of(const fs::path& directory, const std::string& name) {
  return {certificate_file(directory, name), key_file(directory, name),
          certificate_file(directory, authority_name)};
}

} // namespace troupe::link
