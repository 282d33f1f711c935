/* The part of OpenSSL's libcrypto that Keswick uses, as one module. Swift cannot call macros: those that are needed get a
 * static inline function here. */
#ifndef KESWICK_LIBCRYPTO_H
#define KESWICK_LIBCRYPTO_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* OPENSSL_free for memory that libcrypto gave out, such as an encoding; NULL is fine. */
static inline void keswick_free(void *memory) { OPENSSL_free(memory); }

/* New private keys, NULL on failure. EVP_PKEY_Q_keygen takes variable arguments, which Swift cannot pass. */
static inline EVP_PKEY *keswick_generate_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }
static inline EVP_PKEY *keswick_generate_p256(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); }

/* Whether the last error of this thread is that PEM text ended before another block began. */
static inline int keswick_last_error_is_no_pem_start(void) {
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* Where the bytes are that were written to a memory BIO, and their count. They stay the BIO's. */
static inline long keswick_bio_contents(BIO *bio, const char **contents) {
    char *data = NULL;
    long count = BIO_get_mem_data(bio, &data);
    *contents = data;
    return count;
}

/* Prints a distinguished name as in RFC 2253, but leaves UTF-8 as it is, for people to read. */
static inline int keswick_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0;
}

#endif /* KESWICK_LIBCRYPTO_H */
