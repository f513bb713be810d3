// Batch normalisation and the rectifier behind it, y = max(z, slope * z): slope 0 is ReLU, 1 none.
//
// Here the arithmetic is cheap and memory is dear. As operations of their own, the mean, the spread, the scale, the
// shift and the rectifier would each walk through the whole picture. Together they need two walks forward and two
// back, because nothing can be normalised before all of it was summed up:
//
//     forward     sum_x    ->  statistics  ->  norm_act        reads x twice, writes y
//     or          sum_tiles -> statistics  ->  norm_act        reads x once, behind a convolution that noted its sums
//     backward    sum_dz   ->  gradients   ->  norm_act_dx     reads x and dy twice, writes dx
//
// Blocks cannot wait for each other, so a sum over all pixels takes two kernels: in the first each block adds up its
// own slice of the pixels, in the second (`statistics`, `gradients`) a block per channel adds up the slices. Each
// number is added by one thread in one order, in float64: millions of pixels would eat up the digits of a float.
//
// One mean may go with the whole batch, or with each picture by itself (instance normalisation). `pixels` are those
// that share a mean; blockIdx.x says which of the pictures; the numbers of channel c of picture p lie at
// p * channels + c.

#include "place.cuh"
#include "tile_sums.cuh"

constexpr int THREADS = 256;

// A block is `width` channels wide and as many pixels high as it has threads for: its threads read neighbouring
// numbers, then step down together. So a thread meets a single channel, and keeps what it knows of it in registers.
// Its loops are unrolled, so that it asks for eight numbers before it has to wait for the first. For that the compiler
// wants to know how many turns there are, and by `__restrict__` that nothing written is to be read later on.
struct Walk {
    int row, rows;      // of pixels, in the block
    bool works;         // not all widths divide THREADS, not all channels fill the last block
    int channel;
    long long column;   // the channel, counted over all pictures
    long long i, step;  // the numbers of x that the thread meets: i, i + step ...
    int turns;          // ... so many
};

__device__ __forceinline__ Walk walk_of(long long pixels, long long each, int channels, int width)
{
    Walk walk;
    walk.rows = THREADS / width;
    walk.row = threadIdx.x / width;
    walk.channel = blockIdx.y * width + threadIdx.x % width;
    walk.works = walk.row < walk.rows && walk.channel < channels;
    const long long first = blockIdx.z * each;
    const long long last = first + each < pixels ? first + each : pixels;
    const long long picture = blockIdx.x * pixels;
    walk.column = (long long)blockIdx.x * channels + walk.channel;
    walk.i = (picture + first + walk.row) * channels + walk.channel;
    walk.step = (long long)walk.rows * channels;
    walk.turns = walk.works ? (last - first - walk.row + walk.rows - 1) / walk.rows : 0;
    return walk;
}

// What the kernels sum up comes in pairs.
struct Sums {
    double first, second;
};

// Adds up the sums of all rows: the lower half is laid on the upper half, until one row is left. Row 0 gets it.
__device__ Sums over_rows(Sums mine, int row, int rows, int width)
{
    __shared__ Sums all[THREADS];
    all[threadIdx.x] = mine;
    for (int left = rows; left > 1;) {
        const int half = (left + 1) / 2;
        __syncthreads();
        if (row + half < left) {
            all[threadIdx.x].first += all[threadIdx.x + half * width].first;
            all[threadIdx.x].second += all[threadIdx.x + half * width].second;
        }
        left = half;
    }
    return all[threadIdx.x];
}

// All slices of one channel, by a block that has the channel to itself, and a thread for each (for some, if they are
// more than threads).
__device__ __forceinline__ Sums over_slices(const Sums* partial, int slices)
{
    Sums sums = {0.0, 0.0};
    for (int slice = threadIdx.x; slice < slices; slice += blockDim.x) {
        sums.first += partial[(long long)blockIdx.x * slices + slice].first;
        sums.second += partial[(long long)blockIdx.x * slices + slice].second;
    }
    return over_rows(sums, threadIdx.x, blockDim.x, 1);
}

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
// reading 16 bytes for every tile instead of all of its numbers. The `pixels` are tiles here.
extern "C" __global__ void __launch_bounds__(THREADS) sum_tiles(
    const TileSums* tiles, const float* x, Sums* partial,
    const long long pixels, const long long each, const int channels, const int width)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const double pivot = walk.works ? x[walk.channel] : 0.0;
    Sums sums = {0.0, 0.0};
#pragma unroll 4
    for (int turn = 0; turn < walk.turns; ++turn) {
        const TileSums tile = tiles[walk.i + turn * walk.step];
        const double away = tile.middle - pivot;
        sums.first += tile.count * away + tile.first;
        sums.second += (tile.count * away + 2.0 * tile.first) * away + tile.second;
    }
    sums = over_rows(sums, walk.row, walk.rows, width);
    if (walk.works && walk.row == 0)
        partial[walk.column * gridDim.z + blockIdx.z] = sums;
}

extern "C" __global__ void __launch_bounds__(THREADS) statistics(
    const float* x, const Sums* partial, double* mean, double* variance, double* inv_std,
    const long long pixels, const int channels, const int slices, const double eps)
{
    const Sums sums = over_slices(partial, slices);
    if (threadIdx.x > 0)
        return;
    const int column = blockIdx.x;
    const double pivot = x[column / channels * pixels * channels + column % channels];
    const double from_pivot = sums.first / pixels;
    const double spread = sums.second / pixels - from_pivot * from_pivot;
    mean[column] = pivot + from_pivot;
    variance[column] = spread < 0 ? 0 : spread;  // a NaN stays one
    inv_std[column] = 1 / sqrt(variance[column] + eps);
}

// Running statistics move towards the batch's; `unbiased` is pixels / (pixels - 1).
extern "C" __global__ void follow(
    float* running_mean, float* running_var, const double* mean, const double* variance, const int channels,
    const double unbiased, const double momentum)
{
    const long long c = thread_number();
    if (c >= channels)
        return;
    running_mean[c] += (mean[c] - running_mean[c]) * momentum;
    running_var[c] += (variance[c] * unbiased - running_var[c]) * momentum;
}

// What a thread does to its channel. The mean comes as two floats, of which the second holds what rounding took off
// the first: subtracted one after the other they cost no float64 for each number, and lose nothing.
struct Channel {
    float mean, rest, scale, bias;

    __device__ float centred(float x) const { return (x - mean) - rest; }

    // Spelt out as one instruction: the way back must find the very z that decided between 1 and the slope.
    __device__ float z(float x) const { return fmaf(centred(x), scale, bias); }
};

// Without weight and bias (null), 1 and 0.
__device__ __forceinline__ Channel channel_of(
    const Walk& walk, const double* mean, const double* inv_std, const float* weight, const float* bias)
{
    if (!walk.works)
        return Channel{};
    const float rounded = mean[walk.column];
    const double scale = weight ? weight[walk.channel] * inv_std[walk.column] : inv_std[walk.column];
    return {rounded, (float)(mean[walk.column] - rounded), (float)scale, bias ? bias[walk.channel] : 0.0f};
}

extern "C" __global__ void __launch_bounds__(THREADS) norm_act(
    const float* __restrict__ x, const double* mean, const double* inv_std, const float* weight, const float* bias,
    float* __restrict__ y,
    const long long pixels, const long long each, const int channels, const int width, const float slope)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
#pragma unroll 8
    for (int turn = 0; turn < walk.turns; ++turn) {
        const long long i = walk.i + turn * walk.step;
        const float z = channel.z(x[i]);
        y[i] = fmaxf(z, slope * z);
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

// dx = scale * (dz - mean(dz) - x_hat * mean(dz * x_hat)): what would only move the mean, or the spread, is taken out.
extern "C" __global__ void __launch_bounds__(THREADS) norm_act_dx(
    const float* __restrict__ dy, const float* __restrict__ x, const double* mean, const double* inv_std,
    const float* weight, const float* bias, const float* dweight, const float* dbias, float* __restrict__ dx,
    const long long pixels, const long long each, const int channels, const int width, const float slope)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
    const float shift = walk.works ? dbias[walk.column] / (double)pixels : 0.0;
    const float tilt = walk.works ? dweight[walk.column] * inv_std[walk.column] / pixels : 0.0;
#pragma unroll 4
    for (int turn = 0; turn < walk.turns; ++turn) {
        const long long i = walk.i + turn * walk.step;
        const float dz = before_rectifier(dy[i], x[i], channel, slope);
        dx[i] = channel.scale * (dz - shift - channel.centred(x[i]) * tilt);
    }
}
