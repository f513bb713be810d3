// Nearest upsampling: every pixel is repeated sh times downwards and sw times to the right. What comes out may share
// its pixels with another map of that size, beside (n, h*sh, w*sw, b), whose channels come last; b is 0 without.

#include "place.cuh"

// One thread per number of y (n, h*sh, w*sw, c + b): it asks which pixel it is a copy of.
extern "C" __global__ void upsample_nearest(
    const float* x, const float* beside, float* y,
    const int n, const int h, const int w, const int c, const int b, const int sh, const int sw)
{
    const long long number = thread_number();
    if (number >= (long long)n * h * sh * w * sw * (c + b))
        return;
    const Place out = place_of(number, h * sh, w * sw, c + b);
    if (out.channel < c)
        y[number] = x[number_at({out.image, out.row / sh, out.column / sw, out.channel}, h, w, c)];
    else
        y[number] = beside[number_at({out.image, out.row, out.column, out.channel - c}, h * sh, w * sw, b)];
}

// One thread per number of dx (n, h, w, c): it adds up its copies, each column of them and then the columns.
extern "C" __global__ void upsample_nearest_dx(
    const float* dy, float* dx,
    const int n, const int h, const int w, const int c, const int b, const int sh, const int sw)
{
    const long long number = thread_number();
    if (number >= (long long)n * h * w * c)
        return;
    const Place in = place_of(number, h, w, c);
    float sum = 0.0f;
    for (int j = 0; j < sw; ++j) {
        float column = 0.0f;
        for (int i = 0; i < sh; ++i) {
            const Place copy = {in.image, in.row * sh + i, in.column * sw + j, in.channel};
            column += dy[number_at(copy, h * sh, w * sw, c + b)];
        }
        sum += column;
    }
    dx[number] = sum;
}
