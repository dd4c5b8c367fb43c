/* Arithmetic peak of this CPU: loops of fused multiply-adds on registers alone.
 *
 *     cc -O3 -march=native -fopenmp peak.c -o peak && ./peak
 *
 * Prints "dtype flop_per_s" lines, the best of several tries: fp32, bf16 pairs and int8 quads where the
 * CPU has them. 24 independent sums hide the latency of each unit. A library that comes near it has no
 * faster kernel to wait for; one that is faster shows that this loop is no peak.
 */
#include <immintrin.h>
#include <omp.h>
#include <stdio.h>

enum { SUMS = 24, TURNS = 100000, TRIES = 500 };

static volatile int sink;

#if defined(__AVX512F__)
static void fp32(void) {
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f), s[SUMS];
  for (int i = 0; i < SUMS; i++) s[i] = _mm512_set1_ps(i);
  for (long t = 0; t < TURNS; t++) {
#pragma GCC unroll 24
    for (int i = 0; i < SUMS; i++) s[i] = _mm512_fmadd_ps(s[i], a, b);
  }
  float sum = 0;
  for (int i = 0; i < SUMS; i++) sum += _mm512_reduce_add_ps(s[i]);
  sink = (int)sum;
}
#endif

#if defined(__AVX512BF16__)
static void bf16(void) {
  __m512bh a = (__m512bh)_mm512_set1_epi16(0x3f00), b = (__m512bh)_mm512_set1_epi16(0x3e80);
  __m512 s[SUMS];
  for (int i = 0; i < SUMS; i++) s[i] = _mm512_set1_ps(i);
  for (long t = 0; t < TURNS; t++) {
#pragma GCC unroll 24
    for (int i = 0; i < SUMS; i++) s[i] = _mm512_dpbf16_ps(s[i], a, b);
  }
  float sum = 0;
  for (int i = 0; i < SUMS; i++) sum += _mm512_reduce_add_ps(s[i]);
  sink = (int)sum;
}
#endif

#if defined(__AVX512VNNI__)
static void int8(void) {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5), s[SUMS];
  for (int i = 0; i < SUMS; i++) s[i] = _mm512_set1_epi32(i);
  for (long t = 0; t < TURNS; t++) {
#pragma GCC unroll 24
    for (int i = 0; i < SUMS; i++) s[i] = _mm512_dpbusd_epi32(s[i], a, b);
  }
  int sum = 0;
#pragma GCC unroll 24
  for (int i = 0; i < SUMS; i++) sum ^= _mm512_reduce_add_epi32(s[i]);
  sink = sum;
}
#endif

static void report(const char *dtype, void (*run)(void), double flop_per_step) {
  double best = 1e30;
  for (int i = 0; i < TRIES; i++) {
    double start = omp_get_wtime();
#pragma omp parallel
    run();
    double elapsed = omp_get_wtime() - start;
    if (elapsed < best) best = elapsed;
  }
  printf("%s %.6g\n", dtype, omp_get_max_threads() * flop_per_step * SUMS * (double)TURNS / best);
}

int main(void) {
#if defined(__AVX512F__)
  report("fp32", fp32, 2 * 16);
#endif
#if defined(__AVX512BF16__)
  report("bf16", bf16, 2 * 32);
#endif
#if defined(__AVX512VNNI__)
  report("int8", int8, 2 * 64);
#endif
  return 0;
}
