// Chapter 2: write every window out as one row of a large matrix; a convolution is then one matrix product.
//
// The product can be left to a library that has been polished for decades. The price is memory: a 3x3 window
// writes every pixel nine times, and the product reads them all back.

#include "windows.cuh"

// columns (n, ho, wo, kh, kw, c): one thread per number of it.
extern "C" __global__ void im2col(const float* x, float* columns, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.n * s.ho * s.wo * s.kh * s.kw * s.c)
        return;
    const long long numbers = (long long)s.kh * s.kw * s.c;  // of one window
    const Place window = place_of(number / numbers, s.ho, s.wo, 1);
    const Place tap = place_of(number % numbers, s.kh, s.kw, s.c);
    const int row = window.row * s.sh - s.ph + tap.row * s.dh;
    const int column = window.column * s.sw - s.pw + tap.column * s.dw;
    columns[number] = inside(row, column, s.h, s.w)
        ? x[number_at({window.image, row, column, tap.channel}, s.h, s.w, s.c)] : 0.0f;
}

// The transpose: every column number goes back to the pixel it was copied from, and a pixel that lay in
// several windows gets the sum. As a gather: each pixel collects its copies, tap by tap, in one fixed order.
extern "C" __global__ void col2im(const float* columns, float* x, const Windows s)
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
            const long long window = number_at({in.image, row, column, 0}, s.ho, s.wo, 1);
            sum += columns[((window * s.kh + a) * s.kw + b) * s.c + in.channel];
        }
    x[number] = sum;
}
