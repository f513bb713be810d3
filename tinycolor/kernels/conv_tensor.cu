// Chapter 4: the tiles of chapter 3 on tensor cores.
//
// A tensor core multiplies small matrices in one instruction, from operands rounded to TF32 and into float32 sums;
// large products ran eight times as fast that way on an H100. So fast that two things must change around it: a warp,
// 32 threads that march in step, now works on 32 or 64 x 32 answers as a whole, and copying must not make it wait.
//
// The launcher sets TILE_M places x TILE_N filters per block; WIDTH, 4 where four channels at a time can be copied in
// one go, else 1; and ROUNDED, 1 where both operands were rounded by who made them (tf32.cuh), else 0: then every warp
// rounds each number that it reads. The answers, and the order in which they are summed up, depend on none of it.

#include "gather.cuh"
#include "tensor_core.cuh"
#include "tile_sums.cuh"

constexpr int DEPTH = 16;  // numbers along k per round
constexpr int STAGES = 3;  // rounds that are under way at any time
constexpr int WARP = 32;   // threads
// A warp has a part of the tile to itself. The larger it is, the more products it makes of each number that it reads.
constexpr int WARP_M = TILE_M / 2, WARP_N = 32;
constexpr int THREADS = (TILE_M / WARP_M) * (TILE_N / WARP_N) * WARP;
constexpr int BLOCKS = TILE_M > 64 ? 4 : 1;  // that a multiprocessor is to have registers for, at once

// Rows in shared memory are a little longer than needed: then the 32 numbers that a warp reads at once lie in 32
// different banks. They differ in how the numbers come: side by side along k (channels of a pixel) or along m, n.
constexpr int PITCH_K = DEPTH + 4, PITCH_M = TILE_M + 8, PITCH_N = TILE_N + 8;

constexpr int MS = WARP_M / 16, NS = WARP_N / 8;  // instructions down and across a warp's part
typedef float Sums[MS][NS][4];

// Where in the block's tile this warp's part begins.
__device__ __forceinline__ int warp_m() { return threadIdx.x / WARP % (TILE_M / WARP_M) * WARP_M; }
__device__ __forceinline__ int warp_n() { return threadIdx.x / WARP / (TILE_M / WARP_M) * WARP_N; }

__device__ __forceinline__ unsigned operand(float number)
{
    return ROUNDED ? __float_as_uint(number) : rounded(number);
}

// Multiply one round: left[m * LEFT_M + k * LEFT_K], right[k * RIGHT_K + n * RIGHT_N]; both may lie either way round.
template <int LEFT_M, int LEFT_K, int RIGHT_K, int RIGHT_N>
__device__ __forceinline__ void multiply(const float* left, const float* right, Sums& sums)
{
    const int group = threadIdx.x % WARP / 4, member = threadIdx.x % 4;
    left += (warp_m() + group) * LEFT_M + member * LEFT_K;
    right += (warp_n() + group) * RIGHT_N + member * RIGHT_K;
#pragma unroll
    for (int k = 0; k < DEPTH; k += 8) {
        unsigned a[MS][4], b[NS][2];
#pragma unroll
        for (int i = 0; i < MS; ++i)
#pragma unroll
            for (int part = 0; part < 4; ++part)
                a[i][part] = operand(left[(16 * i + part % 2 * 8) * LEFT_M + (k + part / 2 * 4) * LEFT_K]);
#pragma unroll
        for (int j = 0; j < NS; ++j)
#pragma unroll
            for (int part = 0; part < 2; ++part)
                b[j][part] = operand(right[8 * j * RIGHT_N + (k + part * 4) * RIGHT_K]);
#pragma unroll
        for (int i = 0; i < MS; ++i)
#pragma unroll
            for (int j = 0; j < NS; ++j)
                multiply_add(sums[i][j], a[i], b[j]);
    }
}

// The conveyor belt: while round t is multiplied, rounds t + 1 and t + 2 are on their way into other stages of the
// shared memory. `copy(t, stage)` asks for a round, `multiply(stage)` uses it up. Groups are closed even when
// nothing is left to ask for, so that counting them stays right.
template <class Copy, class Multiply>
__device__ __forceinline__ void conveyor(int rounds, Copy copy, Multiply multiply)
{
    for (int t = 0; t < STAGES - 1; ++t) {
        if (t < rounds)
            copy(t, t);
        close_group();
    }
    for (int t = 0; t < rounds; ++t) {
        wait_for_groups<STAGES - 2>();  // my part of round t has arrived ...
        __syncthreads();                // ... and everybody's; and all are done with round t - 1, whose stage is next
        if (t + STAGES - 1 < rounds)
            copy(t + STAGES - 1, (t + STAGES - 1) % STAGES);
        close_group();
        multiply(t % STAGES);
    }
}

// Ask for a round of the right matrix, whose rows are `width` numbers long: `rows` points to the first of them, and
// `count` exist; columns from n0.
__device__ __forceinline__ void copy_right(float* stage, const float* rows, long long count, int n0, int width)
{
    constexpr int ACROSS = TILE_N / WIDTH, DOWN = THREADS / ACROSS;
    const int n = threadIdx.x % ACROSS * WIDTH, first = threadIdx.x / ACROSS;
#pragma unroll
    for (int i = 0; i < DEPTH / DOWN; ++i) {
        const int k = first + i * DOWN;
        copy_later<WIDTH>(stage + k * PITCH_N + n, rows + k * width + n0 + n, k < count && n0 + n < width);
    }
}

// The right matrix of the way back: each answer has a row of the filter to itself, so that numbers along k come side by
// side, as on the left.
__device__ __forceinline__ void copy_turned(float* stage, const float* weight, Place number, int n0, const Gather& g)
{
    constexpr int ACROSS = DEPTH / WIDTH, DOWN = THREADS / ACROSS;
    const int k = threadIdx.x % ACROSS * WIDTH, n = threadIdx.x / ACROSS;
    const float* row = weight + turned_at(number, g) + (long long)(n0 + n) * g.c;
#pragma unroll
    for (int i = 0; i < TILE_N / DOWN; ++i) {
        const bool exists = number.image == 0 && n0 + n + i * DOWN < g.f;
        copy_later<WIDTH>(stage + (n + i * DOWN) * PITCH_K + k, row + (long long)i * DOWN * g.c, exists);
    }
}

// Room for what is under way. The right matrix lies one way going forward (copy_right) and the other way going back
// (copy_turned).
constexpr int RIGHT_SIZE = DEPTH * PITCH_N > TILE_N * PITCH_K ? DEPTH * PITCH_N : TILE_N * PITCH_K;
struct __align__(16) Stages {
    float left[STAGES][TILE_M * PITCH_K];
    float right[STAGES][RIGHT_SIZE];
};

// Answers of a tile, forward or back: blockIdx.x counts tiles of places, blockIdx.y tiles of filters. Slices are cut in
// whole rounds, so that copies of four begin at multiples of four.
template <bool TURNED>
__device__ __forceinline__ void sum_up(
    const float* x, const float* weight, Stages& stages, Sums& sums, long long m0, int n0, const Gather& g)
{
    const Slice slice = my_slice(g.numbers(), DEPTH, g);

    // A thread always copies for the same places, and the same numbers out of every DEPTH.
    constexpr int ACROSS = DEPTH / WIDTH, DOWN = THREADS / ACROSS, SHARE = TILE_M / DOWN;
    const int k = threadIdx.x % ACROSS * WIDTH, m = threadIdx.x / ACROSS;
    Window windows[SHARE];
    const Place down = place_at(DOWN, g);
    Place place = place_at(m0 + m, g);
#pragma unroll
    for (int i = 0; i < SHARE; ++i) {
        windows[i] = window_at(place, x, g);
        place = onward(place, down, g);
    }
    const Place round = number_under(DEPTH, g);
    Place number = number_under(slice.first + k, g);

    const auto copy = [&](int t, int stage) {
        const Tap tap = tap_at(number, g);
#pragma unroll
        for (int i = 0; i < SHARE; ++i) {
            float* to = stages.left[stage] + (m + i * DOWN) * PITCH_K + k;
            copy_later<WIDTH>(to, windows[i].first + tap.away, on_a_pixel(windows[i], tap, g));
        }
        const long long first = slice.first + t * DEPTH;
        if constexpr (TURNED)
            copy_turned(stages.right[stage], weight, number, n0, g);
        else
            copy_right(stages.right[stage], weight + first * g.f, slice.last - first, n0, g.f);
        number = onward_under(number, round, g);
    };
    conveyor(slice.rounds(DEPTH), copy, [&](int stage) {
        constexpr int RIGHT_K = TURNED ? 1 : PITCH_N, RIGHT_N = TURNED ? PITCH_K : 1;
        multiply<PITCH_K, 1, RIGHT_K, RIGHT_N>(stages.left[stage], stages.right[stage], sums);
    });
}

// A thread's answers are of places that are eight apart. The first slice adds the bias.
__device__ __forceinline__ void write_answers(
    const Sums& sums, const float* bias, float* sheets, long long m0, int n0, const Gather& g)
{
    float* y = sheets + g.slice * g.answers();
    const int group = threadIdx.x % WARP / 4, member = threadIdx.x % 4;
    const Place eight = place_at(8, g);
    Place place = place_at(m0 + warp_m() + group, g);
#pragma unroll
    for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float* answers = y + answers_at(place, g);
            const bool exists = place.image < g.n;
            place = onward(place, eight, g);
            if (!exists)
                continue;
#pragma unroll
            for (int j = 0; j < NS; ++j)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const int f = n0 + warp_n() + 8 * j + 2 * member + e;
                    if (f < g.f)
                        answers[f] = sums[i][j][2 * half + e] + (bias && g.slice == 0 ? bias[f] : 0.0f);
                }
        }
}

// Where threads meet that have answers of the same columns: of every warp that has a part in a column they are eight.
// One more row is for what they find out together. It lies where the tiles were.
constexpr int MEETING = TILE_M / WARP_M * 8;
typedef float Shares[MEETING + 1][PITCH_N];

// The sum of each of the tile's columns, for the first TILE_N threads; `share(j, e)` is what a thread has of a column.
template <class Share>
__device__ __forceinline__ float column_sum(Shares& shares, Share share)
{
    const int row = warp_m() / WARP_M * 8 + threadIdx.x % WARP / 4, member = threadIdx.x % 4;
    __syncthreads();  // nobody needs any more what lies there
#pragma unroll
    for (int j = 0; j < NS; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e)
            shares[row][warp_n() + 8 * j + 2 * member + e] = share(j, e);
    __syncthreads();
    float sum = 0.0f;
    if (threadIdx.x < TILE_N)
        for (int i = 0; i < MEETING; ++i)
            sum += shares[i][threadIdx.x];
    return sum;
}

// Note the sums of the tile's columns, of which the first `count` rows exist. About their mean: squares of numbers far
// from 0 would leave no digits for the spread.
__device__ __forceinline__ void note_sums(
    const Sums& sums, Shares& shares, TileSums* of_tile, int count, int filters)
{
    const int group = threadIdx.x % WARP / 4, member = threadIdx.x % 4, f = threadIdx.x;
    float* middles = shares[MEETING];
    const auto sum_of = [&](auto term) {
        return column_sum(shares, [&](int j, int e) {
            float sum = 0.0f;
#pragma unroll
            for (int i = 0; i < MS; ++i)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    if (warp_m() + 16 * i + 8 * half + group < count)
                        sum += term(sums[i][j][2 * half + e], warp_n() + 8 * j + 2 * member + e);
            return sum;
        });
    };
    const float total = sum_of([](float answer, int) { return answer; });
    if (f < TILE_N)
        middles[f] = total / count;  // read behind the next __syncthreads()
    const float first = sum_of([&](float answer, int n) { return answer - middles[n]; });
    const float second = sum_of([&](float answer, int n) {
        const float distance = answer - middles[n];
        return distance * distance;
    });
    if (f < TILE_N && f < filters)
        of_tile[f] = {(float)count, middles[f], first, second};
}

// Where sums of the answers are asked for, there is one slice, and no bias.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) convolve(
    const float* x, const float* weight, const float* bias, float* sheets, TileSums* tile_sums, const Gathers all)
{
    __shared__ Stages stages;
    const Gather g = the_gather(all);
    const long long m0 = (long long)blockIdx.x * TILE_M;
    const int n0 = blockIdx.y * TILE_N;
    Sums sums = {};
    sum_up<false>(x, weight, stages, sums, m0, n0, g);
    write_answers(sums, bias, sheets, m0, n0, g);
    if (tile_sums) {
        const int count = g.places() - m0 < TILE_M ? g.places() - m0 : TILE_M;
        TileSums* of_tile = tile_sums + (long long)blockIdx.x * g.f + n0;
        note_sums(sums, reinterpret_cast<Shares&>(stages.left), of_tile, count, g.f - n0);
    }
}

// dx, by other windows over dy. The products are not all equally large, so some have fewer tiles.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) convolve_dx(
    const float* dy, const float* weight, float* sheets, const Gathers all)
{
    __shared__ Stages stages;
    const Gather g = my_gather(all);
    const long long m0 = (long long)blockIdx.x * TILE_M;
    const int n0 = blockIdx.y * TILE_N;
    if (m0 >= g.places())
        return;
    Sums sums = {};
    sum_up<true>(dy, weight, stages, sums, m0, n0, g);
    write_answers(sums, nullptr, sheets, m0, n0, g);
}

// dw[k, f] = sum over m of left[m, k] * dy[m, f]. The tile's rows are now numbers k, and they come side by side, so
// they lie the other way round in shared memory. A single slice may go `onto` the gradient of before, as in chapter 3.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) convolve_dw(
    const float* x, const float* dy, float* sheets, const bool onto, const Gathers all)
{
    __shared__ __align__(16) float left[STAGES][DEPTH * PITCH_M];
    __shared__ __align__(16) float right[STAGES][DEPTH * PITCH_N];
    const Gather g = the_gather(all);
    const int k0 = blockIdx.x * TILE_M, n0 = blockIdx.y * TILE_N;
    const Slice slice = my_slice(g.places(), 1, g);

    // Here a thread's number stays the same, and it goes from place to place.
    constexpr int ACROSS = TILE_M / WIDTH, DOWN = THREADS / ACROSS;
    const int k = threadIdx.x % ACROSS * WIDTH, m = threadIdx.x / ACROSS;
    const Tap tap = tap_at(number_under(k0 + k, g), g);
    const Place step = place_at(DOWN, g);
    Place place = place_at(slice.first + m, g);

    const auto copy = [&](int t, int stage) {
#pragma unroll
        for (int i = 0; i < DEPTH / DOWN; ++i) {
            const Window window = window_at(place, x, g);
            float* to = left[stage] + (m + i * DOWN) * PITCH_M + k;
            copy_later<WIDTH>(to, window.first + tap.away, on_a_pixel(window, tap, g));
            place = onward(place, step, g);
        }
        const long long first = slice.first + (long long)t * DEPTH;
        copy_right(right[stage], dy + first * g.f, slice.last - first, n0, g.f);
    };
    Sums sums = {};
    conveyor(slice.rounds(DEPTH), copy, [&](int stage) {
        multiply<1, PITCH_M, PITCH_N, 1>(left[stage], right[stage], sums);
    });

    float* sheet = sheets + g.slice * ((long long)g.numbers() * g.f);
    const int group = threadIdx.x % WARP / 4, member = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int j = 0; j < NS; ++j)
#pragma unroll
            for (int part = 0; part < 4; ++part) {
                const int number = k0 + warp_m() + 16 * i + part / 2 * 8 + group;
                const int f = n0 + warp_n() + 8 * j + 2 * member + part % 2;
                if (number >= g.numbers() || f >= g.f)
                    continue;
                float& answer = sheet[(long long)number * g.f + f];
                answer = onto ? answer + sums[i][j][part] : sums[i][j][part];
            }
}
