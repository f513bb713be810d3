// What a number costs, and which way is downhill, for loss.cu and head.cu: LOSS is the one of the five functions that a
// build is made for. And how the threads of a block add up what they have found.

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
