// Chapter 1: convolution as it is defined. One thread computes one number, and writes it once.
//
// Everything is right here and nothing is fast: neighbouring threads read the same pixels again and again,
// each time from far away. The next three chapters are the same sums with less walking.

#include "windows.cuh"

// y[n, i, j, f] = bias[f] + sum over taps (a, b) and channels c of x[pixel under the tap, c] * weight[a, b, c, f].
// Neighbouring threads have neighbouring filters f: they read one and the same pixel, and weights side by side.
extern "C" __global__ void conv2d(
    const float* x, const float* weight, const float* bias, float* y, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.n * s.ho * s.wo * s.f)
        return;
    const Place out = place_of(number, s.ho, s.wo, s.f);
    float sum = bias ? bias[out.channel] : 0.0f;
    for (int a = 0; a < s.kh; ++a)
        for (int b = 0; b < s.kw; ++b) {
            const int row = out.row * s.sh - s.ph + a * s.dh;
            const int column = out.column * s.sw - s.pw + b * s.dw;
            if (!inside(row, column, s.h, s.w))
                continue;
            const float* pixel = x + number_at({out.image, row, column, 0}, s.h, s.w, s.c);
            const float* filter = weight + (long long)(a * s.kw + b) * s.c * s.f + out.channel;
            for (int c = 0; c < s.c; ++c)
                sum += pixel[c] * filter[(long long)c * s.f];
        }
    y[number] = sum;
}

// The gradient for x. The chain rule says: each dy goes back to every pixel of its window. Written that way,
// several threads would add to one pixel at once. So the question is turned round: each pixel asks which
// outputs have read it, and gathers from them.
extern "C" __global__ void conv2d_dx(const float* dy, const float* weight, float* dx, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.n * s.h * s.w * s.c)
        return;
    const Place in = place_of(number, s.h, s.w, s.c);
    float sum = 0.0f;
    for (int a = 0; a < s.kh; ++a)
        for (int b = 0; b < s.kw; ++b) {
            const int row = place_with_tap_on(in.row, a, s.ho, s.sh, s.ph, s.dh);
            const int column = place_with_tap_on(in.column, b, s.wo, s.sw, s.pw, s.dw);
            if (row < 0 || column < 0)
                continue;
            const float* answers = dy + number_at({in.image, row, column, 0}, s.ho, s.wo, s.f);
            const float* filters = weight + ((long long)(a * s.kw + b) * s.c + in.channel) * s.f;
            for (int f = 0; f < s.f; ++f)
                sum += answers[f] * filters[f];
        }
    dx[number] = sum;
}

// The gradient for the weights. One thread per weight walks over all places of all pictures, in order: slow
// where there are few weights and many pixels, but without any two threads adding to one number.
extern "C" __global__ void conv2d_dw(const float* x, const float* dy, float* dw, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.kh * s.kw * s.c * s.f)
        return;
    const Place tap = place_of(number, s.kw, s.c, s.f);  // image: tap row, row: tap column, column: channel
    const int a = tap.image, b = tap.row, c = tap.column, f = tap.channel;
    float sum = 0.0f;
    for (int image = 0; image < s.n; ++image)
        for (int i = 0; i < s.ho; ++i)
            for (int j = 0; j < s.wo; ++j) {
                const int row = i * s.sh - s.ph + a * s.dh;
                const int column = j * s.sw - s.pw + b * s.dw;
                if (inside(row, column, s.h, s.w))
                    sum += x[number_at({image, row, column, c}, s.h, s.w, s.c)]
                         * dy[number_at({image, i, j, f}, s.ho, s.wo, s.f)];
            }
    dw[number] = sum;
}
