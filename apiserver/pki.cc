#include "apiserver/pki.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/ip.h"

namespace minik::apiserver {
namespace {

constexpr long kDay = 24 * 3600;
constexpr long kValidDays = 3650;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

Error openssl_error(const char* doing) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Error(Code::kInternal, std::string(doing) + ": " + text);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string pem(X509* cert) {
  const Memory bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), cert);
  return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const Memory bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

Cert read_cert(const std::string& text) {
  const Memory bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key read_key(const std::string& text) {
  const Memory bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (extension) X509_add_ext(cert, extension.get(), -1);
}

struct Request {
  std::string common_name, organisation;
  bool ca = false;
  std::string usage;  // serverAuth or clientAuth
  std::vector<std::string> names;
};

std::string san_text(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    if (!text.empty()) text += ",";
    text += (Ip::parse(name).ok() ? "IP:" : "DNS:") + name;
  }
  return text;
}

struct Pair {
  Cert cert;
  Key key;
};

// Signed by `issuer`, or by itself when that is null.
Result<Pair> make(const Request& request, const Pair* issuer) {
  Pair made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.cert.reset(X509_new());
  if (!made.key || !made.cert) return openssl_error("make a key");
  X509* cert = made.cert.get();
  X509_set_version(cert, 2);
  const std::string serial = random_hex(8);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), std::stoull(serial, nullptr, 16) >> 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), kValidDays * kDay);
  X509_NAME* name = X509_get_subject_name(cert);
  const auto add = [&](const char* field, const std::string& value) {
    if (value.empty()) return;
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  };
  add("O", request.organisation);
  add("CN", request.common_name);
  X509* issuer_cert = issuer == nullptr ? cert : issuer->cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert));
  X509_set_pubkey(cert, made.key.get());
  add_extension(cert, issuer_cert, NID_basic_constraints,
                request.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add_extension(cert, issuer_cert, NID_key_usage,
                request.ca ? "critical,keyCertSign,cRLSign,digitalSignature"
                           : "critical,digitalSignature,keyEncipherment");
  add_extension(cert, issuer_cert, NID_subject_key_identifier, "hash");
  if (!request.usage.empty()) add_extension(cert, issuer_cert, NID_ext_key_usage, request.usage);
  if (!request.names.empty()) add_extension(cert, issuer_cert, NID_subject_alt_name, san_text(request.names));
  EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();
  if (X509_sign(cert, signer, EVP_sha256()) == 0) return openssl_error("sign a certificate");
  return made;
}

std::optional<Pair> read_pair(const std::string& base) {
  const auto cert = read_file(base + ".crt");
  const auto key = read_file(base + ".key");
  if (!cert.ok() || !key.ok()) return std::nullopt;
  Pair pair{read_cert(*cert), read_key(*key)};
  if (!pair.cert || !pair.key || X509_check_private_key(pair.cert.get(), pair.key.get()) != 1)
    return std::nullopt;
  const std::time_t soon = std::time(nullptr) + 30 * kDay;
  std::time_t when = soon;
  if (X509_cmp_time(X509_get0_notAfter(pair.cert.get()), &when) < 0) return std::nullopt;
  return pair;
}

bool covers(X509* cert, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const bool is_ip = Ip::parse(name).ok();
    const int match = is_ip ? X509_check_ip_asc(cert, name.c_str(), 0)
                            : X509_check_host(cert, name.c_str(), name.size(), 0, nullptr);
    if (match != 1) return false;
  }
  return true;
}

Result<Pair> ensure_pair(const std::string& base, const Request& request, const Pair* issuer) {
  if (auto pair = read_pair(base)) {
    const bool ours = issuer == nullptr || X509_verify(pair->cert.get(), issuer->key.get()) == 1;
    if (ours && covers(pair->cert.get(), request.names)) return *std::move(pair);
  }
  Pair pair = TRY(make(request, issuer));
  TRY(write_file(base + ".key", pem(pair.key.get()), 0600));
  TRY(write_file(base + ".crt", pem(pair.cert.get()), 0644));
  return pair;
}

}  // namespace

Result<Pki> ensure_pki(const std::string& directory, const std::vector<std::string>& names) {
  TRY(make_dirs(directory, 0700));
  const Pair ca = TRY(ensure_pair(directory + "/ca", {"minik-ca", "", true, "", {}}, nullptr));
  const Pair server = TRY(ensure_pair(directory + "/server", {"minik", "", false, "serverAuth", names}, &ca));
  const Pair admin =
      TRY(ensure_pair(directory + "/admin", {"minik-admin", "system:masters", false, "clientAuth", {}}, &ca));
  return Pki{pem(ca.cert.get()), pem(server.cert.get()), pem(server.key.get()), pem(admin.cert.get()),
             pem(admin.key.get())};
}

}  // namespace minik::apiserver
