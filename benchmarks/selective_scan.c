/* Mamba-1 selective scan with AVX-512 intrinsics: the reference for the profiler's own kernel.
 *
 *     cc -O3 -march=native -ffast-math -fopenmp selective_scan.c -lm -o scan && ./scan TOKENS CHANNELS RUNS
 *
 * h = exp(delta A) h + delta B x, y = C h + D x with 16 states (A. Gu and T. Dao, "Mamba", 2023, eq. 2).
 * Channels run in vector lanes, the states of 16 channels stay in 16 registers, exp is a polynomial of
 * degree 6 after splitting off the exponent. Prints the median, smallest and largest seconds of RUNS calls
 * and the largest error relative to double precision.
 */
#include <immintrin.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STATES = 16, LANES = 16 };

static float *x, *delta, *b, *c, *a, *d, *state, *y;
static long tokens, channels;

/* 2^v for v <= 0 */
static inline __m512 power_of_two(__m512 v) {
  v = _mm512_max_ps(v, _mm512_set1_ps(-126.0f));
  __m512 whole = _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 f = _mm512_sub_ps(v, whole);
  __m512 p = _mm512_set1_ps(1.535336188319500e-4f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.339887440266574e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.618437357674640e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.550332471162809e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.402264791363012e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931472028550421e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, whole);
}

static void scan(void) {
#pragma omp parallel for schedule(static)
  for (long first = 0; first < channels; first += LANES) {
    __m512 h[STATES], log_decay[STATES], skip = _mm512_loadu_ps(d + first);
    for (int n = 0; n < STATES; n++) {
      h[n] = _mm512_loadu_ps(state + n * channels + first);
      log_decay[n] = _mm512_loadu_ps(a + n * channels + first);
    }
    for (long t = 0; t < tokens; t++) {
      __m512 xt = _mm512_loadu_ps(x + t * channels + first), dt = _mm512_loadu_ps(delta + t * channels + first);
      __m512 in = _mm512_mul_ps(dt, xt), out = _mm512_mul_ps(skip, xt), out1 = _mm512_setzero_ps();
      for (int n = 0; n < STATES; n += 2) {
        __m512 decay = power_of_two(_mm512_mul_ps(dt, log_decay[n]));
        __m512 decay1 = power_of_two(_mm512_mul_ps(dt, log_decay[n + 1]));
        h[n] = _mm512_fmadd_ps(decay, h[n], _mm512_mul_ps(in, _mm512_set1_ps(b[t * STATES + n])));
        h[n + 1] = _mm512_fmadd_ps(decay1, h[n + 1], _mm512_mul_ps(in, _mm512_set1_ps(b[t * STATES + n + 1])));
        out = _mm512_fmadd_ps(h[n], _mm512_set1_ps(c[t * STATES + n]), out);
        out1 = _mm512_fmadd_ps(h[n + 1], _mm512_set1_ps(c[t * STATES + n + 1]), out1);
      }
      _mm512_storeu_ps(y + t * channels + first, _mm512_add_ps(out, out1));
    }
    for (int n = 0; n < STATES; n++) _mm512_storeu_ps(state + n * channels + first, h[n]);
  }
}

static float *room(size_t count) {
  size_t bytes = (count * sizeof(float) + (1 << 21) - 1) >> 21 << 21;
  float *p = aligned_alloc(1 << 21, bytes);
#if defined(MADV_HUGEPAGE)
  madvise(p, bytes, MADV_HUGEPAGE); /* as numpy does for large arrays */
#endif
  return p;
}

static float uniform(float low, float high) { return low + (high - low) * (rand() / (float)RAND_MAX); }

static double error_of_channel(long at) {
  double h[STATES] = {0}, worst = 0, size = 0;
  for (long t = 0; t < tokens; t++) {
    double dt = delta[t * channels + at], xt = x[t * channels + at], out = d[at] * xt;
    for (int n = 0; n < STATES; n++) {
      h[n] = exp2(dt * a[n * channels + at]) * h[n] + dt * xt * b[t * STATES + n];
      out += h[n] * c[t * STATES + n];
    }
    worst = fmax(worst, fabs(out - y[t * channels + at]));
    size = fmax(size, fabs(out));
  }
  return worst / size;
}

static int ascending(const void *p, const void *q) {
  double v = *(const double *)p - *(const double *)q;
  return (v > 0) - (v < 0);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  tokens = atol(words[1]), channels = atol(words[2]);
  int runs = atoi(words[3]);
  x = room(tokens * channels), delta = room(tokens * channels), y = room(tokens * channels);
  b = room(tokens * STATES), c = room(tokens * STATES), d = room(channels);
  a = room(STATES * channels), state = room(STATES * channels);
  for (long i = 0; i < tokens * channels; i++) x[i] = uniform(-1, 1), delta[i] = uniform(0.001f, 0.1f), y[i] = 0;
  for (long i = 0; i < tokens * STATES; i++) b[i] = uniform(-1, 1), c[i] = uniform(-1, 1);
  for (long i = 0; i < STATES * channels; i++) a[i] = -1.442695f * uniform(1, 16), state[i] = 0;
  for (long i = 0; i < channels; i++) d[i] = uniform(-1, 1);
  scan();
  double error = fmax(error_of_channel(0), error_of_channel(channels - 1));
  double *times = malloc(runs * sizeof *times);
  for (int i = 0; i < runs; i++) {
    double start = omp_get_wtime();
    scan();
    times[i] = omp_get_wtime() - start;
  }
  qsort(times, runs, sizeof *times, ascending);
  printf("%.6g %.6g %.6g %.3g\n", times[runs / 2], times[0], times[runs - 1], error);
  return 0;
}
