// A 1x1 convolution with few filters, as at the end of a network, and the loss that is awaited of it, in one sweep.
//
// The tiles of chapter 4 would be nearly empty here: of their 32 columns two are filters. And there is hardly anything
// to multiply, so what counts is to read x once, and well. Pixels lie one behind another, each with all its channels:
// a block copies those of its 256 pixels to shared memory, neighbouring threads neighbouring numbers, then each thread
// walks through a pixel of its own, with all filters at a time. It ends with the answers of one pixel in registers. The
// loss asks for nothing else but the target: so it is told at once what they cost and which way is downhill, instead of
// by another sweep that reads them again.
//
// No tensor core has a part in it: factors and sums are float32 in any precision.

#include "loss_terms.cuh"

constexpr int MOST_FILTERS = 4;
constexpr int DEEPEST = 32;  // channels of a pixel that are at hand at a time

// The LOSS of a build that is for answers alone.
__device__ __forceinline__ Term no_loss(float, float, float)
{
    return {0.0f, 0.0f};
}

// A number of each filter; all four are read at once.
struct __align__(16) Filters {
    float of[MOST_FILTERS];
};

// What all filters say of my pixel, which is number `first + threadIdx.x`. A row of x in shared memory is one number
// longer than it need be: 32 threads that each read the same channel of their own pixel then read from 32 banks.
__device__ Filters answers_for_my_pixel(
    const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
    long long first, long long pixels, int channels, int filters)
{
    __shared__ float some_x[THREADS][DEEPEST + 1];
    __shared__ Filters some_weights[DEEPEST];
    const int passes = (channels + DEEPEST - 1) / DEEPEST;
    const int deep = (channels + passes - 1) / passes;
    const int me = threadIdx.x, row = me / deep, rows = THREADS / deep, mine = me % deep;
    const int here = pixels - first < THREADS ? pixels - first : THREADS;
    Filters sums;
#pragma unroll
    for (int f = 0; f < MOST_FILTERS; ++f)
        sums.of[f] = bias && f < filters ? bias[f] : 0.0f;

    for (int begin = 0; begin < channels; begin += deep) {
        __syncthreads();  // the others have done with what was there before
        if (row < rows && begin + mine < channels) {
#pragma unroll 8
            for (int pixel = row; pixel < here; pixel += rows)
                some_x[pixel][mine] = x[(first + pixel) * channels + begin + mine];
        }
        if (me < deep * MOST_FILTERS) {
            const int c = me / MOST_FILTERS, f = me % MOST_FILTERS;
            const bool exists = begin + c < channels && f < filters;
            some_weights[c].of[f] = exists ? weight[(begin + c) * filters + f] : 0.0f;
        }
        __syncthreads();
        const int end = channels - begin < deep ? channels - begin : deep;
        for (int c = 0; c < end; ++c) {
            const Filters weights = some_weights[c];
#pragma unroll
            for (int f = 0; f < MOST_FILTERS; ++f)
                sums.of[f] = fmaf(some_x[me][c], weights.of[f], sums.of[f]);
        }
    }
    return sums;
}

extern "C" __global__ void __launch_bounds__(THREADS) conv2d(
    const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
    float* __restrict__ y, const long long pixels, const int channels, const int filters)
{
    const long long first = (long long)blockIdx.x * THREADS;
    const Filters answers = answers_for_my_pixel(x, weight, bias, first, pixels, channels, filters);
    const long long pixel = first + threadIdx.x;
#pragma unroll
    for (int f = 0; f < MOST_FILTERS; ++f)
        if (pixel < pixels && f < filters)
            y[pixel * filters + f] = answers.of[f];
}

// A block has every gridDim.x-th tile of pixels, and leaves the sum of its terms to the kernel `mean` of loss.cu;
// `share` is 1 / count.
extern "C" __global__ void __launch_bounds__(THREADS) conv2d_and_loss(
    const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
    float* __restrict__ y, const float* __restrict__ target, float* __restrict__ dy, double* partial,
    const long long pixels, const int channels, const int filters, const float share, const float beta)
{
    double sum = 0.0;
    for (long long first = (long long)blockIdx.x * THREADS; first < pixels; first += (long long)gridDim.x * THREADS) {
        const Filters answers = answers_for_my_pixel(x, weight, bias, first, pixels, channels, filters);
        const long long pixel = first + threadIdx.x;
#pragma unroll
        for (int f = 0; f < MOST_FILTERS; ++f) {
            if (pixel >= pixels || f >= filters)
                continue;
            const long long i = pixel * filters + f;
            const Term term = LOSS(answers.of[f], target[i], beta);
            y[i] = answers.of[f];
            dy[i] = term.slope * share;
            sum += term.value;
        }
    }
    sum = over_block(sum);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}
