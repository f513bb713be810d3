// Nearest upsampling: every pixel is repeated sh times downwards and sw times to the right. What comes out may share
// its pixels with another map of that size, beside (n, h*sh, w*sw, b), whose channels come last; b is 0 without.

#include "place.cuh"

// y (n, h*sh, w*sw, c + b). One thread per pixel of x and channel of y: it fills all copies of that pixel.
extern "C" __global__ void upsample_nearest(
    const float* x, const float* beside, float* y,
    const int n, const int h, const int w, const int c, const int b, const int sh, const int sw)
{
    const Place in = my_place(h, c + b);
    if (in.image >= n || in.column >= w)
        return;
    for (int i = 0; i < sh; ++i)
        for (int j = 0; j < sw; ++j) {
            const Place copy = {in.image, in.row * sh + i, in.column * sw + j, in.channel};
            const Place other = {copy.image, copy.row, copy.column, copy.channel - c};
            y[number_at(copy, h * sh, w * sw, c + b)] = in.channel < c
                ? x[number_at(in, h, w, c)] : beside[number_at(other, h * sh, w * sw, b)];
        }
}

// One thread per number of dx (n, h, w, c): it adds up its copies, each column of them and then the columns.
extern "C" __global__ void upsample_nearest_dx(
    const float* dy, float* dx,
    const int n, const int h, const int w, const int c, const int b, const int sh, const int sw)
{
    const Place in = my_place(h, c);
    if (in.image >= n || in.column >= w)
        return;
    float sum = 0.0f;
    for (int j = 0; j < sw; ++j) {
        float column = 0.0f;
        for (int i = 0; i < sh; ++i) {
            const Place copy = {in.image, in.row * sh + i, in.column * sw + j, in.channel};
            column += dy[number_at(copy, h * sh, w * sw, c + b)];
        }
        sum += column;
    }
    dx[number_at(in, h, w, c)] = sum;
}
