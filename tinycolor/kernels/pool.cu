// Max-pooling: keep the strongest number of every window, and remember which tap it was.

#include "windows.cuh"

// One thread per window and channel. Among equals the first in reading order wins. Taps beyond the border, of
// a last partial window, are passed over; the first tap never is one. WINNER is the smallest unsigned type
// that can number the taps.
extern "C" __global__ void max_pool2d(const float* x, float* y, WINNER* winner, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.n * s.ho * s.wo * s.c)
        return;
    const Place out = place_of(number, s.ho, s.wo, s.c);
    const int top = out.row * s.sh, left = out.column * s.sw;
    float strongest = x[number_at({out.image, top, left, out.channel}, s.h, s.w, s.c)];
    int tap = 0;
    for (int a = 0; a < s.kh && top + a < s.h; ++a)
        for (int b = 0; b < s.kw && left + b < s.w; ++b) {
            const float value = x[number_at({out.image, top + a, left + b, out.channel}, s.h, s.w, s.c)];
            if (value > strongest)
                tap = a * s.kw + b;
            // A NaN is no number to be stronger than: it shows in y.
            if (value > strongest || value != value)
                strongest = value;
        }
    y[number] = strongest;
    winner[number] = tap;
}

// All of dy goes to the tap that won. Windows may overlap, so each pixel asks, tap by tap, whether it was the
// winner of the window that has this tap on it.
extern "C" __global__ void max_pool2d_dx(const float* dy, const WINNER* winner, float* dx, const Windows s)
{
    const long long number = thread_number();
    if (number >= (long long)s.n * s.h * s.w * s.c)
        return;
    const Place in = place_of(number, s.h, s.w, s.c);
    float sum = 0.0f;
    for (int a = 0; a < s.kh; ++a)
        for (int b = 0; b < s.kw; ++b) {
            const int row = place_with_tap_on(in.row, a, s.ho, s.sh, 0, 1);
            const int column = place_with_tap_on(in.column, b, s.wo, s.sw, 0, 1);
            if (row < 0 || column < 0)
                continue;
            const long long window = number_at({in.image, row, column, in.channel}, s.ho, s.wo, s.c);
            if (winner[window] == a * s.kw + b)
                sum += dy[window];
        }
    dx[number] = sum;
}
