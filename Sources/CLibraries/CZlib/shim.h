// zlib for Swift: the initialisers are macros over functions with a version argument.
#ifndef PBX_CZLIB_SHIM_H
#define PBX_CZLIB_SHIM_H

#include <zlib.h>

// `windowBits` 15 is the zlib format, 15 + 16 gzip, -15 raw deflate (zlib.h, deflateInit2).
static inline int shim_deflateInit2(z_stream *stream, int level, int windowBits, int memoryLevel, int strategy) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memoryLevel, strategy);
}
// `windowBits` 15 + 32 recognises zlib and gzip by itself (zlib.h, inflateInit2).
static inline int shim_inflateInit2(z_stream *stream, int windowBits) { return inflateInit2(stream, windowBits); }

#endif
