// How a batch is added up, channel by channel.
//
// Blocks cannot wait for each other, so a sum over all pixels takes two kernels: in the first each block adds up its
// own slice of the pixels, in the second a block per channel adds up the slices. Each number is added by one thread in
// one order, in float64: millions of pixels would eat up the digits of a float.
//
// There may be a sum for the whole batch, or one for each picture. `pixels` are those that share a sum; blockIdx.x says
// which of the pictures; the sums of channel c of picture p lie at p * channels + c.

#include "place.cuh"

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
