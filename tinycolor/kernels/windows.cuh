#include "place.cuh"

// A window slides over pictures x (n, h, w, c) and stops at (ho, wo) places. Its tap (i, j) then lies on
//     row = place.row * sh - ph + i * dh,    column = place.column * sw - pw + j * dw
// of x; taps beyond the border read zero. In a convolution each place answers with f numbers.
struct Windows {
    int n, h, w, c;
    int ho, wo, f;
    int kh, kw;  // taps
    int sh, sw;  // stride
    int ph, pw;  // padding
    int dh, dw;  // dilation
};

// Seen from a pixel: which place has its tap `tap` on it? -1 if none has.
__device__ __forceinline__ int place_with_tap_on(int pixel, int tap, int places, int stride, int padding, int dilation)
{
    const int way = pixel + padding - tap * dilation;
    return way >= 0 && way % stride == 0 && way / stride < places ? way / stride : -1;
}
