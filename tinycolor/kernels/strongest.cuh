// The strongest number of a window, and which of its taps that is: among equals the first in reading order.

struct Strongest {
    float value;
    int tap;

    __device__ __forceinline__ void meet(float other, int its_tap)
    {
        if (other > value)
            tap = its_tap;
        // A NaN is no number to be stronger than: it shows.
        if (other > value || other != other)
            value = other;
    }
};
