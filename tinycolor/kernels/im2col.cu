// Chapter 2: write every window out as one row of a large matrix; a convolution is then one matrix product.
//
// The product can be left to a library that has been polished for decades. The price is memory: a 3x3 window
// writes every pixel nine times, and the product reads them all back.

#include "windows.cuh"

// columns (n, ho, wo, kh, kw, c). One thread per window and channel copies what lies under the taps.
extern "C" __global__ void im2col(const float* x, float* columns, const Windows s)
{
    const Place out = my_place(s.ho, s.c);
    if (out.image >= s.n || out.column >= s.wo)
        return;
    const long long window = number_at({out.image, out.row, out.column, 0}, s.ho, s.wo, 1);
    for (int a = 0; a < s.kh; ++a)
        for (int b = 0; b < s.kw; ++b) {
            const int row = out.row * s.sh - s.ph + a * s.dh;
            const int column = out.column * s.sw - s.pw + b * s.dw;
            columns[((window * s.kh + a) * s.kw + b) * s.c + out.channel] = inside(row, column, s.h, s.w)
                ? x[number_at({out.image, row, column, out.channel}, s.h, s.w, s.c)] : 0.0f;
        }
}

// The transpose: every column number goes back to the pixel it was copied from, and a pixel that lay in
// several windows gets the sum. As a gather: each pixel collects its copies, tap by tap, in one fixed order.
extern "C" __global__ void col2im(const float* columns, float* x, const Windows s)
{
    const Place in = my_place(s.h, s.c);
    if (in.image >= s.n || in.column >= s.w)
        return;
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
    x[number_at(in, s.h, s.w, s.c)] = sum;
}
