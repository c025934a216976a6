/* Feeds the G.722 of ITU-T G.191 with random codes and random samples; prints FNV-1a digests of what comes out. */
#include <stdint.h>
#include <stdio.h>
#include "g722.h"
static uint64_t s[4];
static uint64_t turned(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
static void seed(uint64_t m) { for (int i = 0; i < 4; i++) { m += 0x9E3779B97F4A7C15ull; uint64_t z = m; z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull; z = (z ^ (z >> 27)) * 0x94D049BB133111EBull; s[i] = z ^ (z >> 31); } }
static uint64_t next(void) { uint64_t r = turned(s[1] * 5, 7) * 9, t = s[1] << 17; s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = turned(s[3], 45); return r; }
static uint64_t h; static void put(uint8_t b) { h = (h ^ b) * 0x100000001B3ull; }
int main(void) {
  enum { N = 8000 }; static short in[2 * N], out[2 * N], codes[N];
  for (int level = 0; level < 3; level++) {
    g722_state e, d; g722_reset_encoder(&e); g722_reset_decoder(&d);
    seed(722 + level);
    for (int i = 0; i < 2 * N; i++) in[i] = (short) (next() >> 48) >> (level * 5);
    g722_encode(in, codes, 2 * N, &e);
    h = 0xCBF29CE484222325ull; for (int i = 0; i < N; i++) put(codes[i] & 0xFF);
    printf("noise >> %d: %016llX", level * 5, (unsigned long long) h);
    g722_decode(codes, out, 1, N, &d);
    h = 0xCBF29CE484222325ull; for (int i = 0; i < 2 * N; i++) { put(out[i] & 0xFF); put((out[i] >> 8) & 0xFF); }
    printf(" decoded %016llX", (unsigned long long) h);
    seed(9 + level); g722_reset_decoder(&d);
    for (int i = 0; i < N; i++) codes[i] = next() >> 56;
    g722_decode(codes, out, 1, N, &d);
    h = 0xCBF29CE484222325ull; for (int i = 0; i < 2 * N; i++) { put(out[i] & 0xFF); put((out[i] >> 8) & 0xFF); }
    printf(" random codes %016llX\n", (unsigned long long) h);
  }
}
