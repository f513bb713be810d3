// Max-pooling: keep the strongest number of every window, and remember which tap it was.

#include "strongest.cuh"
#include "windows.cuh"

// One thread per window and channel. Taps beyond the border, of a last partial window, are passed over; the first tap
// never is one. WINNER is the smallest unsigned type that can number the taps.
extern "C" __global__ void max_pool2d(const float* x, float* y, WINNER* winner, const Windows s)
{
    const Place out = my_place(s.ho, s.c);
    if (out.image >= s.n || out.column >= s.wo)
        return;
    const int top = out.row * s.sh, left = out.column * s.sw;
    Strongest strongest = {x[number_at({out.image, top, left, out.channel}, s.h, s.w, s.c)], 0};
    for (int a = 0; a < s.kh && top + a < s.h; ++a)
        for (int b = 0; b < s.kw && left + b < s.w; ++b)
            strongest.meet(x[number_at({out.image, top + a, left + b, out.channel}, s.h, s.w, s.c)], a * s.kw + b);
    const long long number = number_at(out, s.ho, s.wo, s.c);
    y[number] = strongest.value;
    winner[number] = strongest.tap;
}

// What a pixel gets from the windows that it lies in: tap (i, j) of window `last` is on it, tap (i + sh, j) of the
// window above that one, and so on.
__device__ __forceinline__ float won(
    const float* dy, const WINNER* winner, const Windows& s, const Place last, const int i, const int j)
{
    float sum = 0.0f;
    for (int a = i, row = last.row; a < s.kh; a += s.sh, --row)
        for (int b = j, column = last.column; b < s.kw; b += s.sw, --column) {
            if (!inside(row, column, s.ho, s.wo))
                continue;
            const long long window = number_at({last.image, row, column, last.channel}, s.ho, s.wo, s.c);
            if (winner[window] == a * s.kw + b)
                sum += dy[window];
        }
    return sum;
}

// All of dy goes to the tap that won. Windows may overlap, so each pixel asks all that it lies in. If x went round the
// pooling as well, what comes back from there is added: the last c channels of beside (n, h, w, b + c), else null. One
// thread per channel of sh x sw pixels, from where one window begins to where the next ones do.
extern "C" __global__ void max_pool2d_dx(
    const float* dy, const WINNER* winner, const float* beside, float* dx, const int b, const Windows s)
{
    const Place last = my_place((s.h + s.sh - 1) / s.sh, s.c);
    const int top = last.row * s.sh, left = last.column * s.sw;
    if (last.image >= s.n)
        return;
    for (int i = 0; i < s.sh && top + i < s.h; ++i)
        for (int j = 0; j < s.sw && left + j < s.w; ++j) {
            const Place pixel = {last.image, top + i, left + j, last.channel};
            const Place other = {pixel.image, pixel.row, pixel.column, b + pixel.channel};
            const float around = beside ? beside[number_at(other, s.h, s.w, b + s.c)] : 0.0f;
            dx[number_at(pixel, s.h, s.w, s.c)] = won(dy, winner, s, last, i, j) + around;
        }
}
