// What a normalisation, and the rectifier behind it, do to each number of a channel: norm_act.cu and norm_pool.cu.

#include "columns.cuh"
#include "tf32.cuh"

// The mean comes as two floats, of which the second holds what rounding took off the first: subtracted one after the
// other they cost no float64 for each number, and lose nothing.
struct Channel {
    float mean, rest, scale, bias;

    __device__ float centred(float x) const { return (x - mean) - rest; }

    // Spelt out as one instruction: the way back must find the very z that decided between 1 and the slope.
    __device__ float z(float x) const { return fmaf(centred(x), scale, bias); }

    // Rectified; and rounded, where tensor cores are to multiply it.
    __device__ float y(float x, float slope, bool rounds) const
    {
        const float rectified = fmaxf(z(x), slope * z(x));
        return rounds ? to_tf32(rectified) : rectified;
    }
};

// Without weight and bias (null), 1 and 0.
__device__ __forceinline__ Channel channel_of(
    const Walk& walk, const double* mean, const double* inv_std, const float* weight, const float* bias)
{
    if (!walk.works)
        return Channel{};
    const float nearest = mean[walk.column];
    const double scale = weight ? weight[walk.channel] * inv_std[walk.column] : inv_std[walk.column];
    return {nearest, (float)(mean[walk.column] - nearest), (float)scale, bias ? bias[walk.channel] : 0.0f};
}
