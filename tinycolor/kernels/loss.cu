// A loss and its gradient in one sweep: y and the target are read once, dy is written, the terms are added up.
//
// As operations of their own, the difference, its square, their sum and the gradient would each walk through the
// whole picture, for a handful of sums and products. Here a thread that has both numbers at hand says at once what
// they cost and which way is downhill. LOSS is the one of the five functions below that a build is made for.
//
//     sum_terms  ->  mean
//
// Blocks cannot wait for each other, so a sum over all numbers takes two kernels: in the first each block adds up its
// own slice, in the second one block adds up the slices. Each number is added by one thread in one order, in float64:
// millions of terms would eat up the digits of a float. How many slices there are hangs on the size of y alone.

constexpr int THREADS = 256;

// What one number adds to the sum, and its derivative: d value / d y.
struct Term {
    float value, slope;
};

// max(number, least); fmaxf would say `least` to a NaN, which must show.
__device__ __forceinline__ float at_least(float least, float number)
{
    return number < least ? least : number;
}

// 1, 0 or -1, and NaN for NaN.
__device__ __forceinline__ float sign(float number)
{
    return number > 0 ? 1.0f : number < 0 ? -1.0f : number;
}

// Each loss takes y, the target t and beta, which only one of them asks for.

__device__ __forceinline__ Term mse(float y, float t, float)
{
    const float error = y - t;
    return {error * error, 2 * error};
}

__device__ __forceinline__ Term l1(float y, float t, float)
{
    const float error = y - t;
    return {fabsf(error), sign(error)};
}

__device__ __forceinline__ Term smooth_l1(float y, float t, float beta)
{
    const float error = y - t;
    if (fabsf(error) < beta)
        return {0.5f * error * (error / beta), error / beta};
    return {fabsf(error) - 0.5f * beta, sign(error)};
}

// Of probabilities. log1p(-y) is log(1 - y) with all its digits where y is small.
__device__ __forceinline__ Term bce(float y, float t, float)
{
    const float log_yes = at_least(-100.0f, logf(at_least(0.0f, y)));
    const float log_no = at_least(-100.0f, log1pf(at_least(-1.0f, -y)));
    return {-(t * log_yes + (1 - t) * log_no), (y - t) / at_least(1e-12f, y * (1 - y))};
}

// max(z, 0) - z * t + log(1 + exp(-|z|)) and sigmoid(z) - t: no exponential overflows. The first difference is spelt
// out as one instruction, which rounds once: where t is nearly right, next to nothing is left of it.
__device__ __forceinline__ Term bce_with_logits(float z, float t, float)
{
    const float small = expf(-fabsf(z));
    const float sigmoid = (z >= 0 ? 1.0f : small) / (1 + small);
    return {fmaf(-z, t, at_least(0.0f, z)) + log1pf(small), sigmoid - t};
}

// The sum of all threads: the upper half is laid on the lower half, until one number is left. Thread 0 gets it.
__device__ double over_block(double mine)
{
    __shared__ double all[THREADS];
    all[threadIdx.x] = mine;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            all[threadIdx.x] += all[threadIdx.x + half];
    }
    return all[threadIdx.x];
}

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
