/* zlib, which compresses as gzip does, as a module. */
#include <zlib.h>
