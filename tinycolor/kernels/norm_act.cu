// Batch normalisation and the rectifier behind it, y = max(z, slope * z): slope 0 is ReLU, 1 none.
//
// Here the arithmetic is cheap and memory is dear. As operations of their own, the mean, the spread, the scale, the
// shift and the rectifier would each walk through the whole picture. Together they need two walks forward and two
// back, because nothing can be normalised before all of it was summed up:
//
//     forward     sum_x    ->  statistics  ->  norm_act        reads x twice, writes y
//     or         (sum_tiles) -> statistics ->  norm_act        reads x once, behind a convolution that noted its sums
//     backward    sum_dz   ->  gradients   ->  norm_act_dx     reads x and dy twice, writes dx
//
// In passing `statistics` moves the running ones, and norm_act_dx adds to the gradients of weight and bias.
//
// One mean may go with the whole batch, or with each picture by itself (instance normalisation): see columns.cuh.
// Where tensor cores are to multiply y and dx (`rounds`), both are rounded for them: see tf32.cuh.

#include "channel.cuh"
#include "tile_sums.cuh"

// The sums of x and of x * x, about a pivot: where the mean is far from 0 and the spread small, the mean of the
// squares and the square of the mean would be so nearly equal that their difference, the variance, is lost. Any
// number of the channel will do; its first is one that all blocks can find.
extern "C" __global__ void __launch_bounds__(THREADS) sum_x(
    const float* x, Sums* partial, const long long pixels, const long long each, const int channels, const int width)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const double pivot = walk.works ? x[blockIdx.x * pixels * channels + walk.channel] : 0.0;
    Sums sums = {0.0, 0.0};
#pragma unroll 8
    for (int turn = 0; turn < walk.turns; ++turn) {
        const double value = x[walk.i + turn * walk.step] - pivot;
        sums.first += value;
        sums.second += value * value;
    }
    sums = over_rows(sums, walk.row, walk.rows, width);
    if (walk.works && walk.row == 0)
        partial[walk.column * gridDim.z + blockIdx.z] = sums;
}

// The same sums, where a convolution has noted them tile by tile: the pivot is moved from each tile's middle. It takes
// reading 16 bytes for every tile instead of all of its numbers.
__device__ __forceinline__ void add_tile(Sums& sums, const TileSums& tile, double pivot)
{
    const double away = tile.middle - pivot;
    sums.first += tile.count * away + tile.first;
    sums.second += (tile.count * away + 2.0 * tile.first) * away + tile.second;
}

// The `pixels` are tiles here.
extern "C" __global__ void __launch_bounds__(THREADS) sum_tiles(
    const TileSums* tiles, const float* x, Sums* partial,
    const long long pixels, const long long each, const int channels, const int width)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const double pivot = walk.works ? x[walk.channel] : 0.0;
    Sums sums = {0.0, 0.0};
#pragma unroll 4
    for (int turn = 0; turn < walk.turns; ++turn)
        add_tile(sums, tiles[walk.i + turn * walk.step], pivot);
    sums = over_rows(sums, walk.row, walk.rows, width);
    if (walk.works && walk.row == 0)
        partial[walk.column * gridDim.z + blockIdx.z] = sums;
}

// Where there are few tiles, the block that has a channel to itself adds them up, and a launch is spared.
__device__ __forceinline__ Sums over_tiles(const TileSums* tiles, int count, int channels, double pivot)
{
    Sums sums = {0.0, 0.0};
    for (int tile = threadIdx.x; tile < count; tile += blockDim.x)
        add_tile(sums, tiles[(long long)tile * channels + blockIdx.x], pivot);
    return over_rows(sums, threadIdx.x, blockDim.x, 1);
}

// Of tiles, or of the partial sums where those are null. Running statistics (null where there are none) move towards
// the batch's, the variance towards the unbiased one.
extern "C" __global__ void __launch_bounds__(THREADS) statistics(
    const float* x, const TileSums* tiles, const Sums* partial, double* mean, double* variance, double* inv_std,
    float* running_mean, float* running_var,
    const long long pixels, const int channels, const int count, const double eps, const double momentum)
{
    const int column = blockIdx.x;
    const double pivot = x[column / channels * pixels * channels + column % channels];
    const Sums sums = tiles ? over_tiles(tiles, count, channels, pivot) : over_slices(partial, count);
    if (threadIdx.x > 0)
        return;
    const double from_pivot = sums.first / pixels;
    const double spread = sums.second / pixels - from_pivot * from_pivot;
    mean[column] = pivot + from_pivot;
    variance[column] = spread < 0 ? 0 : spread;  // a NaN stays one
    inv_std[column] = 1 / sqrt(variance[column] + eps);
    if (running_mean) {
        const double unbiased = pixels > 1 ? (double)pixels / (pixels - 1) : 1.0;
        running_mean[column] += (mean[column] - running_mean[column]) * momentum;
        running_var[column] += (variance[column] * unbiased - running_var[column]) * momentum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) norm_act(
    const float* __restrict__ x, const double* mean, const double* inv_std, const float* weight, const float* bias,
    float* __restrict__ y,
    const long long pixels, const long long each, const int channels, const int width, const float slope,
    const bool rounds)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
#pragma unroll 8
    for (int turn = 0; turn < walk.turns; ++turn) {
        const long long i = walk.i + turn * walk.step;
        y[i] = channel.y(x[i], slope, rounds);
    }
}

// The way back. dz = dy * (1 or slope); which of the two is found from x, for y would be one more picture to read.
__device__ __forceinline__ float before_rectifier(float dy, float x, const Channel& channel, float slope)
{
    return channel.z(x) > 0 ? dy : slope * dy;
}

// The sums of dz and of dz * (x - mean).
extern "C" __global__ void __launch_bounds__(THREADS) sum_dz(
    const float* dy, const float* x, const double* mean, const double* inv_std, const float* weight, const float* bias,
    Sums* partial, const long long pixels, const long long each, const int channels, const int width,
    const float slope)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
    Sums sums = {0.0, 0.0};
#pragma unroll 4
    for (int turn = 0; turn < walk.turns; ++turn) {
        const long long i = walk.i + turn * walk.step;
        const double dz = before_rectifier(dy[i], x[i], channel, slope);
        sums.first += dz;
        sums.second += dz * channel.centred(x[i]);
    }
    sums = over_rows(sums, walk.row, walk.rows, width);
    if (walk.works && walk.row == 0)
        partial[walk.column * gridDim.z + blockIdx.z] = sums;
}

extern "C" __global__ void __launch_bounds__(THREADS) gradients(
    const Sums* partial, const double* inv_std, float* dweight, float* dbias, const int slices)
{
    const Sums sums = over_slices(partial, slices);
    if (threadIdx.x > 0)
        return;
    dbias[blockIdx.x] = sums.first;
    dweight[blockIdx.x] = sums.second * inv_std[blockIdx.x];
}

// A parameter's `grad` (null if it does not learn) gets its gradient, summed over the pictures if each has its own. One
// thread does it, in the first of the blocks that have its channel.
__device__ __forceinline__ void add_to_parameter(
    float* grad, const float* gradient, const Walk& walk, const int channels)
{
    if (!grad || blockIdx.x > 0 || blockIdx.z > 0 || walk.row > 0 || !walk.works)
        return;
    double sum = 0.0;
    for (unsigned picture = 0; picture < gridDim.x; ++picture)
        sum += gradient[(long long)picture * channels + walk.channel];
    grad[walk.channel] += (float)sum;
}

// dx = scale * (dz - mean(dz) - x_hat * mean(dz * x_hat)), with x_hat = (x - mean) * inv_std: what would only move the
// mean, or the spread, is taken out. That is `shift`, and `tilt` for each unit of x - mean.
extern "C" __global__ void __launch_bounds__(THREADS) norm_act_dx(
    const float* __restrict__ dy, const float* __restrict__ x, const double* mean, const double* inv_std,
    const float* weight, const float* bias, const float* dweight, const float* dbias, float* weight_grad,
    float* bias_grad, float* __restrict__ dx,
    const long long pixels, const long long each, const int channels, const int width, const float slope,
    const bool rounds)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
    add_to_parameter(weight_grad, dweight, walk, channels);
    add_to_parameter(bias_grad, dbias, walk, channels);
    const float shift = walk.works ? dbias[walk.column] / (double)pixels : 0.0;
    const float tilt = walk.works ? dweight[walk.column] * inv_std[walk.column] / pixels : 0.0;
#pragma unroll 4
    for (int turn = 0; turn < walk.turns; ++turn) {
        const long long i = walk.i + turn * walk.step;
        const float dz = before_rectifier(dy[i], x[i], channel, slope);
        const float gradient = channel.scale * (dz - shift - channel.centred(x[i]) * tilt);
        dx[i] = rounds ? to_tf32(gradient) : gradient;
    }
}
