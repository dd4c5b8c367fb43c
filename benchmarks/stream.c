/* STREAM-like reference: copy, triad and read, with plain and with non-temporal stores.
 *
 *     cc -O3 -march=native -ffast-math -fopenmp -fPIC -shared stream.c -o stream.so
 *
 * A library, so that its calls and ours can alternate within one process. Bytes are those the program names: two arrays
 * for copy, three for triad, one for read (J. D. McCalpin, STREAM, 1995).
 */
#include <omp.h>
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

static void copy_prefetched(void) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 16) {
    _mm_prefetch((const char *)(b + i + 1024), _MM_HINT_T0);
    _mm512_stream_ps(a + i, _mm512_load_ps(b + i));
  }
}

static void triad_prefetched(void) {
  const __m512 half = _mm512_set1_ps(0.5f);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += 16) {
    _mm_prefetch((const char *)(b + i + 1024), _MM_HINT_T0);
    _mm_prefetch((const char *)(c + i + 1024), _MM_HINT_T0);
    _mm512_stream_ps(a + i, _mm512_fmadd_ps(half, _mm512_load_ps(c + i), _mm512_load_ps(b + i)));
  }
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

struct variant {
  const char *kernel, *name;
  void (*run)(void);
};

static const struct variant variants[] = {
    {"copy", "plain", copy_plain},
    {"copy", "memcpy", copy_memcpy},
    {"triad", "plain", triad_plain},
    {"read", "plain", read_sum},
#if defined(__AVX__)
    {"copy", "streaming", copy_streaming},
    {"triad", "streaming", triad_streaming},
#endif
#if defined(__AVX512F__)
    {"copy", "prefetched", copy_prefetched},
    {"triad", "prefetched", triad_prefetched},
    {"read", "prefetched", read_prefetched},
#endif
};

int count_variants(void) { return sizeof variants / sizeof *variants; }
const char *kernel_of(int variant) { return variants[variant].kernel; }
const char *name_of(int variant) { return variants[variant].name; }
void run_variant(int variant) { variants[variant].run(); }

/* Allocate and touch arrays of so many MiB for this number of threads; 0 if there is no memory for them. */
int open_arrays(long mib, int threads) {
  omp_set_num_threads(threads);
  n = (size_t)mib * (1 << 20) / sizeof *a;
  size_t bytes = n * sizeof *a + 8192; /* the prefetch reads past the end */
  bytes = (bytes + (1 << 21) - 1) >> 21 << 21;
  float **arrays[] = {&a, &b, &c};
  for (int i = 0; i < 3; i++) {
    *arrays[i] = aligned_alloc(1 << 21, bytes);
    if (!*arrays[i]) return 0;
#if defined(MADV_HUGEPAGE)
    madvise(*arrays[i], bytes, MADV_HUGEPAGE); /* as numpy does for large arrays */
#endif
  }
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) a[i] = 0, b[i] = 1, c[i] = 2;
  return 1;
}
