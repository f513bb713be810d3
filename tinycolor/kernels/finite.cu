// A step that spoils nothing, though nobody can look at a number in the middle of it: a gradient with which no step
// can be made becomes zero.
//
//     sum_squares  ->  judge  ->  zero_unless_finite
//
// One sum over all gradients tells: a single NaN or infinity makes it one. It is the longest of sums, one column of
// numbers cut into slices, see columns.cuh. As a rule all is well, and the third kernel reads one number and is done.

#include "columns.cuh"

// Squared in float32, because Adam squares them too: what overflows there must show here.
extern "C" __global__ void __launch_bounds__(THREADS) sum_squares(
    const float* gradient, Sums* partial, const long long count, const long long each)
{
    const Walk walk = walk_of(count, each, 1, 1);
    Sums sums = {0.0, 0.0};  // the second of the pair has nothing to do
#pragma unroll 8
    for (int turn = 0; turn < walk.turns; ++turn) {
        const float number = gradient[walk.i + turn * walk.step];
        sums.first += number * number;
    }
    sums = over_rows(sums, walk.row, walk.rows, 1);
    if (walk.row == 0)
        partial[blockIdx.z] = sums;
}

// NaN and infinity leave NaN of themselves.
__device__ __forceinline__ bool is_finite(float number)
{
    return number - number == 0;
}

// One block. It tells the loss, or NaN where a step can not be made: the third kernel looks at no more. `other` may be
// null.
extern "C" __global__ void __launch_bounds__(THREADS) judge(
    const Sums* partial, const float* loss, const float* other, float* told, const int slices)
{
    const float squares = over_slices(partial, slices).first;
    if (threadIdx.x > 0)
        return;
    const bool finite = is_finite(squares) && is_finite(loss[0]) && (!other || is_finite(other[0]));
    told[0] = finite ? loss[0] : nanf("");
}

extern "C" __global__ void __launch_bounds__(THREADS) zero_unless_finite(
    float* gradient, const float* told, const long long count, const long long each)
{
    if (is_finite(told[0]))
        return;
    const Walk walk = walk_of(count, each, 1, 1);
    for (int turn = 0; turn < walk.turns; ++turn)
        gradient[walk.i + turn * walk.step] = 0.0f;
}
