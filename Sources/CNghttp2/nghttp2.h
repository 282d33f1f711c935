/* libnghttp2, the reference implementation of HTTP/2 (RFC 9113) and HPACK (RFC 7541), as a module. */
#include <sys/types.h>
#include <nghttp2/nghttp2.h>
