// A loss and its gradient in one sweep: y and the target are read once, dy is written, the terms are added up.
//
// As operations of their own, the difference, its square, their sum and the gradient would each walk through the
// whole picture, for a handful of sums and products. Here a thread that has both numbers at hand says at once what
// they cost and which way is downhill: loss_terms.cuh.
//
//     sum_terms  ->  mean
//
// Blocks cannot wait for each other, so a sum over all numbers takes two kernels: in the first each block adds up its
// own slice, in the second one block adds up the slices. Each number is added by one thread in one order, in float64:
// millions of terms would eat up the digits of a float. How many slices there are depends on the size of y alone.
//
// Where the last convolution is a head, all but the mean is done there: head.cu.

#include "loss_terms.cuh"

// A block has `each` numbers, side by side; `share` is 1 / count. By `__restrict__` the compiler knows that nothing
// written is to be read later on: it may ask for the next numbers before it has done with these.
extern "C" __global__ void __launch_bounds__(THREADS) sum_terms(
    const float* __restrict__ y, const float* __restrict__ target, float* __restrict__ dy, double* partial,
    const long long count, const long long each, const float share, const float beta)
{
    const long long first = blockIdx.x * each;
    const long long last = first + each < count ? first + each : count;
    double sum = 0.0;
#pragma unroll 4
    for (long long i = first + threadIdx.x; i < last; i += THREADS) {
        const Term term = LOSS(y[i], target[i], beta);
        dy[i] = term.slope * share;
        sum += term.value;
    }
    sum = over_block(sum);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

// One block, for all of the first kernel's.
extern "C" __global__ void __launch_bounds__(THREADS) mean(
    const double* partial, float* loss, const int blocks, const long long count)
{
    double sum = 0.0;
    for (int block = threadIdx.x; block < blocks; block += THREADS)
        sum += partial[block];
    sum = over_block(sum);
    if (threadIdx.x == 0)
        loss[0] = sum / count;
}
