// The gradient of a bias: it was added at every place, so it is dy, added up over all of them. It may go `onto` what is
// there: gradients of parameters add up.
//
//     sum_dy  ->  bias_db

#include "columns.cuh"

__device__ __forceinline__ void finish(float& db, const double sum, const bool onto)
{
    const float rounded = sum;
    db = onto ? db + rounded : rounded;
}

// Where a single slice is all of dy, its sum goes to db at once, and the second kernel need not run.
extern "C" __global__ void __launch_bounds__(THREADS) sum_dy(
    const float* dy, Sums* partial, float* db, const bool onto,
    const long long pixels, const long long each, const int channels, const int width)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    Sums sums = {0.0, 0.0};  // the second of the pair has nothing to do
#pragma unroll 8
    for (int turn = 0; turn < walk.turns; ++turn)
        sums.first += dy[walk.i + turn * walk.step];
    sums = over_rows(sums, walk.row, walk.rows, width);
    if (!walk.works || walk.row > 0)
        return;
    if (gridDim.z == 1)
        finish(db[walk.column], sums.first, onto);
    else
        partial[walk.column * gridDim.z + blockIdx.z] = sums;
}

extern "C" __global__ void __launch_bounds__(THREADS) bias_db(
    const Sums* partial, float* db, const bool onto, const int slices)
{
    const Sums sums = over_slices(partial, slices);
    if (threadIdx.x == 0)
        finish(db[blockIdx.x], sums.first, onto);
}
