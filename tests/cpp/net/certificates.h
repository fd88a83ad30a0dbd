// Certificates for tests: a CA made in memory, what it signs, and the PEM files of both in a
// directory that goes with the object.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace tfe::test {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

struct Identity {
  Key key{nullptr, EVP_PKEY_free};
  Certificate certificate{nullptr, X509_free};
};

// `issuer` null: signed by itself, as a CA.
inline Identity make_identity(const std::string& name, const Identity* issuer) {
  static long serial = 1;
  Identity made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const Identity& signer = issuer != nullptr ? *issuer : made;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get()));
  X509V3_CTX context{};
  X509V3_set_ctx(&context, signer.certificate.get(), certificate, nullptr, nullptr, 0);
  const char* constraint = issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE";
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, NID_basic_constraints, constraint);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, signer.key.get(), EVP_sha256());
  return made;
}

class CertificateFiles {
 public:
  CertificateFiles() : ca(make_identity("Test CA", nullptr)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "tls-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    write_certificate("ca.pem", ca);
    issue("server");
  }
  ~CertificateFiles() { std::filesystem::remove_all(directory_); }

  // Writes <name>.pem and <name>.key in place of what was there.
  void issue(const std::string& name) {
    const Identity made = make_identity(name, &ca);
    write_certificate(name + ".pem", made);
    write_key(name + ".key", made);
  }
  std::string path(const std::string& file) const { return (directory_ / file).string(); }
  void write_text(const std::string& file, const std::string& text) const {
    std::ofstream(path(file)) << text;
  }
  std::string read_text(const std::string& file) const {
    std::ifstream in(path(file));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write_certificate(const std::string& file, const Identity& identity) const {
    FILE* out = std::fopen(path(file).c_str(), "we");
    PEM_write_X509(out, identity.certificate.get());
    std::fclose(out);
  }
  void write_key(const std::string& file, const Identity& identity,
                 const char* password = nullptr) {
    FILE* out = std::fopen(path(file).c_str(), "we");
    const EVP_CIPHER* cipher = password != nullptr ? EVP_aes_128_cbc() : nullptr;
    PEM_write_PrivateKey(out, identity.key.get(), cipher, nullptr, 0, nullptr,
                         const_cast<char*>(password));
    std::fclose(out);
  }

  const Identity ca;

 private:
  std::filesystem::path directory_;
};

}  // namespace tfe::test
