// Normalisation, rectifier and max-pooling in one walk, where windows lie side by side.
//
// The last walk of a normalisation (norm_act.cu) writes y, and pooling would read all of it back to keep a few. A
// thread that normalises a whole window has them in its registers already: then y is written once and not read again.

#include "channel.cuh"
#include "strongest.cuh"
#include "windows.cuh"

// The `pixels` that a thread walks over are windows here, of KH x KW taps; it asks for all of a window's numbers before
// it has to wait for the first. Windows cover the picture: at its lower and right edge they may be partial, and what
// lies behind the s.ho x s.wo that are pooled goes to y alone.
extern "C" __global__ void __launch_bounds__(THREADS) norm_act_pool(
    const float* __restrict__ x, const double* mean, const double* inv_std, const float* weight, const float* bias,
    float* __restrict__ y, float* __restrict__ pooled, unsigned char* __restrict__ winner,
    const long long pixels, const long long each, const int channels, const int width, const float slope,
    const bool rounds, const Windows s)
{
    const Walk walk = walk_of(pixels, each, channels, width);
    const Channel channel = channel_of(walk, mean, inv_std, weight, bias);
    const int down = (s.h + KH - 1) / KH, across = (s.w + KW - 1) / KW;
    const Place step = place_of(walk.step, down, across, channels);
    Place window = place_of(walk.i, down, across, channels);
    for (int turn = 0; turn < walk.turns; ++turn) {
        const int top = window.row * KH, left = window.column * KW;
        const long long first = number_at({window.image, top, left, window.channel}, s.h, s.w, channels);
        const auto there = [&](int tap) { return inside(top + tap / KW, left + tap % KW, s.h, s.w); };
        const auto at = [&](int tap) { return first + ((long long)(tap / KW) * s.w + tap % KW) * channels; };
        float numbers[KH * KW];
#pragma unroll
        for (int tap = 0; tap < KH * KW; ++tap)
            if (there(tap))
                numbers[tap] = channel.y(x[at(tap)], slope, rounds);
        Strongest strongest = {numbers[0], 0};
#pragma unroll
        for (int tap = 0; tap < KH * KW; ++tap)
            if (there(tap)) {
                y[at(tap)] = numbers[tap];
                strongest.meet(numbers[tap], tap);
            }
        if (inside(window.row, window.column, s.ho, s.wo)) {
            const long long number = number_at(window, s.ho, s.wo, channels);
            pooled[number] = strongest.value;
            winner[number] = strongest.tap;
        }
        window = onward(window, step, down, across, channels);
    }
}
