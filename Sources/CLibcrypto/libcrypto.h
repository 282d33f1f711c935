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
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif /* KESWICK_LIBCRYPTO_H */
