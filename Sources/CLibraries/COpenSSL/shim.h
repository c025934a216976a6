// OpenSSL 3 (libcrypto, libssl) for Swift: what is a macro there is an inline function here, with the prefix `shim_`.
#ifndef PBX_COPENSSL_SHIM_H
#define PBX_COPENSSL_SHIM_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
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
// A private key that only a TPM can use, from its PEM block (`TSS2 PRIVATE KEY`), by the provider of that library context.
static inline EVP_PKEY *shim_decode_tpm_key(OSSL_LIB_CTX *library, const unsigned char *pem, size_t length) {
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", NULL, "EC", EVP_PKEY_KEYPAIR, library, "?provider=tpm2");
    if (decoder == NULL) return NULL;
    if (OSSL_DECODER_from_data(decoder, &pem, &length) != 1) key = NULL;
    OSSL_DECODER_CTX_free(decoder);
    return key;
}
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

// DTLS: options and controls are macros.
static inline int shim_dtls_configure(SSL_CTX *context, long certificate_bytes) {
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, certificate_bytes);
    return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1;
}
static inline void shim_dtls_set_mtu(SSL *ssl, long bytes) { SSL_set_mtu(ssl, bytes); }
// Microseconds until the handshake's timer fires; -1 when none runs.
static inline int64_t shim_dtls_timeout(SSL *ssl) {
    struct timeval left = {0, 0};
    if (DTLSv1_get_timeout(ssl, &left) != 1) return -1;
    return (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}
// 0 when it was too early, 1 when the last flight was sent again, -1 when the library gives up.
static inline long shim_dtls_handle_timeout(SSL *ssl) { return DTLSv1_handle_timeout(ssl); }
// A memory BIO that asks to come again when it is empty, as a socket without datagrams does.
static inline BIO *shim_datagram_bio(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) BIO_set_mem_eof_return(bio, -1);
    return bio;
}
static inline void shim_bio_reset(BIO *bio) { (void)BIO_reset(bio); }
static inline size_t shim_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

// Contexts that a thread keeps: making one anew costs more than hashing the short texts of digest authentication.
// They end with their thread. A finished digest context holds the digest and nothing of the message; a MAC context holds
// its last key until the next one.
enum { shim_hash_slots = 8 };
struct shim_hash_contexts {
    EVP_MD_CTX *digests[shim_hash_slots];
    EVP_MAC_CTX *hmac_sha256;
};
static inline pthread_key_t *shim_hash_key(void) {
    static pthread_key_t key;
    return &key;
}
static inline void shim_hash_contexts_free(void *pointer) {
    struct shim_hash_contexts *contexts = pointer;
    for (int slot = 0; slot < shim_hash_slots; slot++) EVP_MD_CTX_free(contexts->digests[slot]);
    EVP_MAC_CTX_free(contexts->hmac_sha256);
    free(contexts);
}
static inline void shim_hash_make_key(void) {
    if (pthread_key_create(shim_hash_key(), shim_hash_contexts_free) != 0) abort();
}
// NULL when there is no memory.
static inline struct shim_hash_contexts *shim_hash_contexts_here(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, shim_hash_make_key);
    struct shim_hash_contexts *contexts = pthread_getspecific(*shim_hash_key());
    if (contexts) return contexts;
    contexts = calloc(1, sizeof *contexts);
    if (contexts && pthread_setspecific(*shim_hash_key(), contexts) != 0) {
        free(contexts);
        return NULL;
    }
    return contexts;
}
// 1 when the digest stands in `digest`. Each algorithm has its slot, so that a context never changes its algorithm.
static inline int shim_digest(
    int slot, const EVP_MD *algorithm, const unsigned char *message, size_t length, unsigned char *digest) {
    struct shim_hash_contexts *contexts = shim_hash_contexts_here();
    if (!contexts || slot < 0 || slot >= shim_hash_slots) return 0;
    if (!contexts->digests[slot]) contexts->digests[slot] = EVP_MD_CTX_new();
    EVP_MD_CTX *context = contexts->digests[slot];
    return context && EVP_DigestInit_ex2(context, algorithm, NULL) == 1
        && EVP_DigestUpdate(context, message, length) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;
}
// 1 when the 32 bytes of HMAC-SHA-256 stand in `tag`.
static inline int shim_hmac_sha256(
    EVP_MAC *hmac, const unsigned char *key, size_t key_length, const unsigned char *message, size_t length,
    unsigned char *tag) {
    struct shim_hash_contexts *contexts = shim_hash_contexts_here();
    if (!contexts) return 0;
    if (!contexts->hmac_sha256) {
        char name[] = "SHA256";
        OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string("digest", name, 0), OSSL_PARAM_construct_end()};
        EVP_MAC_CTX *made = EVP_MAC_CTX_new(hmac);
        if (!made || EVP_MAC_CTX_set_params(made, parameters) != 1) {
            EVP_MAC_CTX_free(made);
            return 0;
        }
        contexts->hmac_sha256 = made;
    }
    size_t written = 0;
    // Without a key the context would go on with the one before.
    const unsigned char none = 0;
    return EVP_MAC_init(contexts->hmac_sha256, key_length ? key : &none, key_length, NULL) == 1
        && EVP_MAC_update(contexts->hmac_sha256, message, length) == 1
        && EVP_MAC_final(contexts->hmac_sha256, tag, &written, 32) == 1 && written == 32;
}

#endif
