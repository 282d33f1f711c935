/* Gives a load tool that uses OpenSSL, such as wrk or h2load, a TLS client certificate:
 *   gcc -O2 -shared -fPIC -o client_certificate.so client_certificate.c -ldl -lssl
 *   LD_PRELOAD=./client_certificate.so CLIENT_CERTIFICATE=c.crt CLIENT_KEY=c.key wrk https://127.0.0.1:7373/version */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
  SSL_CTX *(*real)(const SSL_METHOD *) = (SSL_CTX * (*)(const SSL_METHOD *)) dlsym(RTLD_NEXT, "SSL_CTX_new");
  SSL_CTX *context = real(method);
  const char *certificate = getenv("CLIENT_CERTIFICATE"), *key = getenv("CLIENT_KEY");
  if (!context || !certificate || !key) return context;
  if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    fprintf(stderr, "cannot use the certificate %s and the key %s\n", certificate, key);
    exit(1);
  }
  return context;
}
