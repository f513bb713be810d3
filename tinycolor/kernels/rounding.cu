// All weights of a network, rounded for the tensor cores of one step: a copy, for the weights themselves stay exact.

#include "place.cuh"
#include "tf32.cuh"

extern "C" __global__ void round_all(const float* weights, float* rounded, const long long count)
{
    const long long i = thread_number();
    if (i < count)
        rounded[i] = to_tf32(weights[i]);
}
