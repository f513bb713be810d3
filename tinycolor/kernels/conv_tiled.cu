// Chapter 3: implicit GEMM, tile by tile.
//
// In chapter 1 every product fetched two numbers from far-away memory. But in a matrix product each number is
// needed many times: left[m, k] for every filter, weight[k, f] for every place. So a block of 256 threads takes
// on a tile of 64 places x 64 filters and walks along k, 16 numbers at a time: it copies 64 x 16 numbers from the
// left and 16 x 64 from the right into shared memory, a small store next to the arithmetic, and makes 64 * 64 *
// 16 products of them. Each number that was fetched serves 64 times.
//
// Where the numbers of the left lie, and what slices and sheets are, says gather.cuh; what it is told of the way
// back, sides.py.

#include "gather.cuh"

constexpr int TILE = 64;      // places, and filters, per block
constexpr int DEPTH = 16;     // numbers along k per round
constexpr int THREADS = 256;  // 16 x 16, each of which computes SIDE x SIDE answers
constexpr int SIDE = 4;
constexpr int SHARE = TILE * DEPTH / THREADS;  // numbers that each thread copies, per matrix and round

// Both matrices lie with k first, so that a thread's four numbers stand side by side. The four extra columns put
// consecutive k into different banks of the shared memory: what lies in one bank is read one after another.
struct __align__(16) Tiles {
    float left[DEPTH][TILE + 4];
    float right[DEPTH][TILE + 4];
};

// A thread keeps its 4 x 4 answers in registers: from 8 numbers read it makes 16 products. A round is summed up by
// itself before it is added: a long sum that takes in 16 products at a time rounds a third as much as one by one.
__device__ __forceinline__ void multiply(const Tiles& tiles, float (&sums)[SIDE][SIDE])
{
    const int m = threadIdx.x / 16 * SIDE, n = threadIdx.x % 16 * SIDE;
    float round[SIDE][SIDE] = {};
#pragma unroll
    for (int k = 0; k < DEPTH; ++k)
#pragma unroll
        for (int i = 0; i < SIDE; ++i)
#pragma unroll
            for (int j = 0; j < SIDE; ++j)
                round[i][j] += tiles.left[k][m + i] * tiles.right[k][n + j];
#pragma unroll
    for (int i = 0; i < SIDE; ++i)
#pragma unroll
        for (int j = 0; j < SIDE; ++j)
            sums[i][j] += round[i][j];
}

// The right matrix (numbers, width) is a plain one: weights forward, dy for dw. Row k0 + k of it, columns from n0.
__device__ __forceinline__ void copy_right(
    Tiles& tiles, const float* right, long long k0, long long k_end, int n0, int width)
{
    const int n = threadIdx.x % TILE;
#pragma unroll
    for (int i = 0; i < SHARE; ++i) {
        const int k = threadIdx.x / TILE + i * (THREADS / TILE);
        const bool exists = k0 + k < k_end && n0 + n < width;
        tiles.right[k][n] = exists ? right[(k0 + k) * width + n0 + n] : 0.0f;
    }
}

// On the way back it is the filter turned round, read where it lies: now numbers along k come side by side.
__device__ __forceinline__ void copy_turned(Tiles& tiles, const float* weight, Place number, int n0, const Gather& g)
{
    const int k = threadIdx.x % DEPTH;
    const long long first = turned_at(number, g);
#pragma unroll
    for (int i = 0; i < SHARE; ++i) {
        const int n = threadIdx.x / DEPTH + i * (THREADS / DEPTH);
        const bool exists = number.image == 0 && n0 + n < g.f;
        tiles.right[k][n] = exists ? weight[first + (long long)(n0 + n) * g.c] : 0.0f;
    }
}

// Forward, and dx by other windows over dy. blockIdx.x counts tiles of places, blockIdx.y tiles of filters. The first
// slice of a sum adds the bias.
template <bool TURNED>
__device__ __forceinline__ void convolve_tile(
    const float* x, const float* weight, const float* bias, float* sheets, const Gather& g)
{
    __shared__ Tiles tiles;
    const long long m0 = (long long)blockIdx.x * TILE;
    const int n0 = blockIdx.y * TILE;
    const Slice slice = my_slice(g.numbers(), DEPTH, g);

    // Sixteen neighbouring threads copy neighbouring channels of one pixel. A thread's places stay the same all
    // along, so they are taken apart once.
    const int k = threadIdx.x % DEPTH, m = threadIdx.x / DEPTH;
    Window windows[SHARE];
#pragma unroll
    for (int i = 0; i < SHARE; ++i)
        windows[i] = window_at(place_at(m0 + m + i * (THREADS / DEPTH), g), x, g);
    const Place round = number_under(DEPTH, g);
    Place number = number_under(slice.first + k, g);

    float sums[SIDE][SIDE] = {};
    for (int k0 = slice.first; k0 < slice.last; k0 += DEPTH) {
        const Tap tap = tap_at(number, g);
#pragma unroll
        for (int i = 0; i < SHARE; ++i) {
            const bool exists = on_a_pixel(windows[i], tap, g);
            tiles.left[k][m + i * (THREADS / DEPTH)] = exists ? windows[i].first[tap.away] : 0.0f;
        }
        if constexpr (TURNED)
            copy_turned(tiles, weight, number, n0, g);
        else
            copy_right(tiles, weight, k0, slice.last, n0, g.f);
        number = onward_under(number, round, g);
        __syncthreads();  // all have copied: now read
        multiply(tiles, sums);
        __syncthreads();  // all have read: now overwrite
    }

    float* y = sheets + g.slice * g.answers();
    for (int i = 0; i < SIDE; ++i) {
        const long long place = m0 + threadIdx.x / 16 * SIDE + i;
        if (place >= g.places())
            break;
        const long long answers = answers_at(place_at(place, g), g);
        for (int j = 0; j < SIDE; ++j) {
            const int f = n0 + threadIdx.x % 16 * SIDE + j;
            if (f < g.f)
                y[answers + f] = sums[i][j] + (bias && g.slice == 0 ? bias[f] : 0.0f);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) convolve(
    const float* x, const float* weight, const float* bias, float* sheets, const Gathers all)
{
    convolve_tile<false>(x, weight, bias, sheets, the_gather(all));
}

extern "C" __global__ void __launch_bounds__(THREADS) convolve_dx(
    const float* dy, const float* weight, float* sheets, const Gathers all)
{
    convolve_tile<true>(dy, weight, nullptr, sheets, my_gather(all));
}

// The gradient for the weights is a product too, dw[k, f] = sum over m of left[m, k] * dy[m, f]: the sum now runs
// over places. It is very long, and the answers are few, so here slices are the rule. Where there is but one, it may go
// `onto` the gradient of before; else add_slices sees to that.
extern "C" __global__ void __launch_bounds__(THREADS) convolve_dw(
    const float* x, const float* dy, float* sheets, const bool onto, const Gathers all)
{
    __shared__ Tiles tiles;
    const Gather g = the_gather(all);
    const int k0 = blockIdx.x * TILE, n0 = blockIdx.y * TILE;
    const Slice slice = my_slice(g.places(), 1, g);

    // Now a thread's number stays the same all along, and it goes from place to place.
    const int k = threadIdx.x % TILE, m = threadIdx.x / TILE;
    const Tap tap = tap_at(number_under(k0 + k, g), g);
    const Place step = place_at(THREADS / TILE, g);
    Place place = place_at(slice.first + m, g);

    float sums[SIDE][SIDE] = {};
    for (long long m0 = slice.first; m0 < slice.last; m0 += DEPTH) {
#pragma unroll
        for (int i = 0; i < SHARE; ++i) {
            const Window window = window_at(place, x, g);
            tiles.left[m + i * (THREADS / TILE)][k] = on_a_pixel(window, tap, g) ? window.first[tap.away] : 0.0f;
            place = onward(place, step, g);
        }
        copy_right(tiles, dy, m0, slice.last, n0, g.f);
        __syncthreads();
        multiply(tiles, sums);
        __syncthreads();
    }

    float* sheet = sheets + g.slice * ((long long)g.numbers() * g.f);
    for (int i = 0; i < SIDE; ++i)
        for (int j = 0; j < SIDE; ++j) {
            const int number = k0 + threadIdx.x / 16 * SIDE + i, f = n0 + threadIdx.x % 16 * SIDE + j;
            if (number >= g.numbers() || f >= g.f)
                continue;
            float& answer = sheet[(long long)number * g.f + f];
            answer = onto ? answer + sums[i][j] : sums[i][j];
        }
}
