// Adam over one flat buffer that holds all weights of a network: two launches per step, however many layers.
//
// What changes from step to step, the step's number and the learning rate, lies in device memory: a captured
// graph is replayed with the same arguments.

#include "place.cuh"

// The bias corrections are the same for all weights, so one thread works them out, in float64 as the CPU does,
// and counts the step. They are folded into the step size and eps: rates = {size, eps}.
extern "C" __global__ void adam_rates(
    const double* learning_rate, long long* steps, float* rates, const double b1, const double b2, const double eps)
{
    const long long step = ++steps[0];
    const double correction = sqrt(1 - pow(b2, (double)step));
    rates[0] = learning_rate[0] * correction / (1 - pow(b1, (double)step));
    rates[1] = eps * correction;
}

// m and v are running means of the gradient and of its square; a weight moves by m / sqrt(v).
// forget1 = 1 - b1 and forget2 = 1 - b2 say how fast the means forget.
extern "C" __global__ void adam(
    float* weight, const float* gradient, float* m, float* v, const long long count,
    const float* rates, const float forget1, const float forget2, const float weight_decay)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    const float g = gradient[i] + weight_decay * weight[i];
    m[i] += (g - m[i]) * forget1;
    v[i] += (g * g - v[i]) * forget2;
    weight[i] -= m[i] / (sqrtf(v[i]) + rates[1]) * rates[0];
}
