// OpenSSL 3 (libcrypto, libssl) for Swift: what is a macro there is an inline function here, with the prefix `shim_`.
#ifndef PBX_COPENSSL_SHIM_H
#define PBX_COPENSSL_SHIM_H


#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Stacks of certificates: typed macros over OPENSSL_sk_*. The stack does not own what it holds.
static inline STACK_OF(X509) *shim_certificate_stack_new(void) { return sk_X509_new_null(); }
static inline int shim_certificate_stack_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
static inline void shim_certificate_stack_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

// Alternative names of a certificate.
static inline GENERAL_NAMES *shim_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int shim_alternative_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
// 2 (dNSName) or 7 (iPAddress) with the bytes; 0 for all other kinds (RFC 5280 section 4.2.1.6).
static inline int shim_alternative_name(
    const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *length) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    const ASN1_STRING *text;
    if (name->type == GEN_DNS) text = name->d.dNSName;
    else if (name->type == GEN_IPADD) text = name->d.iPAddress;
    else return 0;
    *bytes = ASN1_STRING_get0_data(text);
    *length = ASN1_STRING_length(text);
    return name->type == GEN_DNS ? 2 : 7;
}
static inline void shim_alternative_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

// EVP_EC_gen is a macro over a variadic function.
static inline EVP_PKEY *shim_generate_p256(void) { return EVP_EC_gen("P-256"); }
// X509_NAME_add_entry_by_NID with the MBSTRING_UTF8 macro.
static inline int shim_name_add_utf8(X509_NAME *name, int nid, const unsigned char *text, int length) {
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, text, length, -1, 0);
}
static const unsigned long shim_one_line_names = XN_FLAG_ONELINE;
// OPENSSL_free is a macro with file and line.
static inline void shim_free(void *memory) { OPENSSL_free(memory); }
// A bit string without unused bits, as a signature must be (X.690 section 8.6).
static inline int shim_bit_string_set(ASN1_BIT_STRING *string, const unsigned char *bytes, int length) {
    string->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    string->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    return ASN1_STRING_set(string, bytes, length);
}

#endif
