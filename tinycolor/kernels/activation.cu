// Activations and their ways back: a thread for each number.
//
// The arithmetic is nothing beside the reading and the writing, and beside the launch itself: as operations of their
// own, the sigmoid's |x|, exponential, comparison, choice, sum and quotient would each walk through the whole picture.
// Rectifiers note in a byte which units were on: the way back then reads that and not x, four bytes.

#include "place.cuh"

extern "C" __global__ void relu(const float* x, float* y, unsigned char* on, const long long count)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    const float number = x[i];
    on[i] = number > 0;
    y[i] = number <= 0 ? 0.0f : number;  // a NaN stays one
}

extern "C" __global__ void leaky_relu(
    const float* x, float* y, unsigned char* on, const long long count, const float slope)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    const float number = x[i];
    on[i] = number > 0;
    y[i] = number > 0 ? number : slope * number;
}

// Of both: ReLU is the rectifier of slope 0. A product, so that 0 times NaN or infinity shows.
extern "C" __global__ void rectifier_dx(
    const float* dy, const unsigned char* on, float* dx, const long long count, const float slope)
{
    const long long i = thread_number();
    if (i < count)
        dx[i] = dy[i] * (on[i] ? 1.0f : slope);
}

// 1 / (1 + exp(-x)), by exp(-|x|): it cannot overflow, and small answers keep their digits.
extern "C" __global__ void sigmoid(const float* x, float* y, const long long count)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    const float small = expf(-fabsf(x[i]));
    y[i] = (x[i] >= 0 ? 1.0f : small) / (1 + small);
}

extern "C" __global__ void sigmoid_dx(const float* dy, const float* y, float* dx, const long long count)
{
    const long long i = thread_number();
    if (i < count)
        dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

// `tanh` by itself is the compiler's.
extern "C" __global__ void tanh_y(const float* x, float* y, const long long count)
{
    const long long i = thread_number();
    if (i < count)
        y[i] = tanhf(x[i]);
}

extern "C" __global__ void tanh_dx(const float* dy, const float* y, float* dx, const long long count)
{
    const long long i = thread_number();
    if (i < count)
        dx[i] = dy[i] * (1 - y[i] * y[i]);
}
