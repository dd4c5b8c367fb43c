/* STREAM-like reference: copy, triad and read, with plain and with non-temporal stores.
 *
 *     cc -O3 -march=native -ffast-math -fopenmp stream.c -o stream && ./stream MIB RUNS
 *
 * Prints "kernel variant bytes_per_s" lines, the best of RUNS, as STREAM reports it. Bytes are those the program names:
 * two arrays for copy, three for triad, one for read (J. D. McCalpin, STREAM, 1995).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

static float *a, *b, *c, sink;
static size_t n;

static void copy_plain(void) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) a[i] = b[i];
}

static void copy_memcpy(void) {
#pragma omp parallel
  {
    size_t parts = omp_get_num_threads(), part = omp_get_thread_num();
    size_t first = n * part / parts, last = n * (part + 1) / parts;
    memcpy(a + first, b + first, (last - first) * sizeof *a);
  }
}

static void triad_plain(void) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) a[i] = b[i] + 0.5f * c[i];
}

static void read_sum(void) {
  float sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += b[i];
  sink = sum;
}

#if defined(__AVX512F__)
static void copy_streaming(void) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 16) _mm512_stream_ps(a + i, _mm512_load_ps(b + i));
}

static void triad_streaming(void) {
  const __m512 half = _mm512_set1_ps(0.5f);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 16)
    _mm512_stream_ps(a + i, _mm512_fmadd_ps(half, _mm512_load_ps(c + i), _mm512_load_ps(b + i)));
}

static void read_prefetched(void) {
  float sum = 0;
#pragma omp parallel reduction(+ : sum)
  {
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
#pragma omp for schedule(static)
    for (size_t i = 0; i < n; i += 64) {
      for (int j = 0; j < 64; j += 16) _mm_prefetch((const char *)(b + i + 1024 + j), _MM_HINT_T0);
      s0 = _mm512_add_ps(s0, _mm512_load_ps(b + i));
      s1 = _mm512_add_ps(s1, _mm512_load_ps(b + i + 16));
      s2 = _mm512_add_ps(s2, _mm512_load_ps(b + i + 32));
      s3 = _mm512_add_ps(s3, _mm512_load_ps(b + i + 48));
    }
    sum += _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
  }
  sink = sum;
}
#elif defined(__AVX__)
static void copy_streaming(void) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 8) _mm256_stream_ps(a + i, _mm256_load_ps(b + i));
}

static void triad_streaming(void) {
  const __m256 half = _mm256_set1_ps(0.5f);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 8)
    _mm256_stream_ps(a + i, _mm256_add_ps(_mm256_load_ps(b + i), _mm256_mul_ps(half, _mm256_load_ps(c + i))));
}
#endif

static int ascending(const void *x, const void *y) {
  double d = *(const double *)x - *(const double *)y;
  return (d > 0) - (d < 0);
}

static void report(const char *kernel, const char *variant, void (*run)(void), int arrays, int runs) {
  double *times = malloc(runs * sizeof *times);
  run();
  for (int i = 0; i < runs; i++) {
    double start = omp_get_wtime();
    run();
    times[i] = omp_get_wtime() - start;
  }
  qsort(times, runs, sizeof *times, ascending);
  printf("%s %s %.6g\n", kernel, variant, arrays * n * sizeof *a / times[0]);
  free(times);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  int runs = atoi(words[2]);
  n = (size_t)atol(words[1]) * (1 << 20) / sizeof *a;
  size_t bytes = n * sizeof *a + 8192; /* the prefetch reads past the end */
  bytes = (bytes + (1 << 21) - 1) >> 21 << 21;
  float **arrays[] = {&a, &b, &c};
  for (int i = 0; i < 3; i++) {
    *arrays[i] = aligned_alloc(1 << 21, bytes);
#if defined(MADV_HUGEPAGE)
    madvise(*arrays[i], bytes, MADV_HUGEPAGE); /* as numpy does for large arrays */
#endif
  }
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) a[i] = 0, b[i] = 1, c[i] = 2;
  report("copy", "plain", copy_plain, 2, runs);
  report("copy", "memcpy", copy_memcpy, 2, runs);
  report("triad", "plain", triad_plain, 3, runs);
  report("read", "plain", read_sum, 1, runs);
#if defined(__AVX__)
  report("copy", "streaming", copy_streaming, 2, runs);
  report("triad", "streaming", triad_streaming, 3, runs);
#endif
#if defined(__AVX512F__)
  report("read", "prefetched", read_prefetched, 1, runs);
#endif
  return 0;
}
