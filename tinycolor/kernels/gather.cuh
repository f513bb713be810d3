// A convolution is a matrix product whose left matrix nobody writes down.
//
//     y[m, f]  =  sum over k of  left[m, k] * weight[k, f]
//
// m counts the places where the window stops, k the numbers under a window: tap by tap, channel by channel.
// left[m, k] is the pixel at that place under that tap; im2col would copy it into a matrix, here it is looked up
// when it is needed. Hence the name of the method: implicit GEMM (general matrix multiplication).

#include "place.cuh"

// The windows of a matrix product over pictures (n, h, w, c). Tap (i, j) of place (row, column) lies on pixel row
//     row * row_stride + row_start + i * row_tap
// and likewise for columns. With these three numbers free the same kernels go forward and back: see implicit_gemm.py.
struct Gather {
    int n, h, w, c;
    int rows, columns, f;  // places per picture, and answers per place
    int kh, kw;
    int row_stride, row_start, row_tap;
    int column_stride, column_start, column_tap;
    // Where the answers go: place (row, column) is pixel (to_row + row * row_step, ...) of pictures (to_h, to_w, f).
    int to_h, to_w;
    int to_row, row_step;
    int to_column, column_step;

    __device__ long long places() const { return (long long)n * rows * columns; }
    __device__ int numbers() const { return kh * kw * c; }
    __device__ long long answers() const { return (long long)n * to_h * to_w * f; }
};

// A filter may have no taps, a picture no places: then nothing is summed up, but something is divided by.
__device__ __forceinline__ int at_least_1(int number) { return number > 0 ? number : 1; }

// So far outside that no tap can bring it back: what lies there reads zero.
constexpr int NOWHERE = -(1 << 29);

// Dividing is the slowest thing that a thread does to whole numbers. But it goes through the m, or the k, by equal
// steps; so it takes apart the first one, and the step, and then counts on: as with the hands of a clock, each moves by
// its part of the step, and by one more if the one below it has been all round. Without an end to the last.
__device__ __forceinline__ Place onward(Place place, Place step, int height, int width, int channels)
{
    place.channel += step.channel;
    const bool next_column = place.channel >= channels;
    place.channel -= next_column ? channels : 0;
    place.column += step.column + next_column;
    const bool next_row = place.column >= width;
    place.column -= next_row ? width : 0;
    place.row += step.row + next_row;
    const bool next_image = place.row >= height;
    place.row -= next_image ? height : 0;
    place.image += step.image + next_image;
    return place;
}

// m, taken apart: picture, row and column of the place. Those behind the last one are in pictures that do not exist.
__device__ __forceinline__ Place place_at(long long m, const Gather& g)
{
    return place_of(m, at_least_1(g.rows), at_least_1(g.columns), 1);
}

__device__ __forceinline__ Place onward(Place place, Place step, const Gather& g)
{
    return onward(place, step, g.rows, g.columns, 1);
}

// k, taken apart: row and column of the tap, and channel. Those behind the last one are not in picture 0.
__device__ __forceinline__ Place number_under(long long k, const Gather& g)
{
    return place_of(k, at_least_1(g.kh), at_least_1(g.kw), g.c);
}

__device__ __forceinline__ Place onward_under(Place number, Place step, const Gather& g)
{
    return onward(number, step, g.kh, g.kw, g.c);
}

// Where the first tap of a place's window lies: on which pixel, and at which address, which need not exist.
struct Window {
    int row, column;
    const float* first;
};

__device__ __forceinline__ Window window_at(Place place, const float* x, const Gather& g)
{
    if (place.image >= g.n)
        return {NOWHERE, NOWHERE, x};
    place.row = place.row * g.row_stride + g.row_start;
    place.column = place.column * g.column_stride + g.column_start;
    return {place.row, place.column, x + number_at(place, g.h, g.w, g.c)};
}

// How far a number's tap lies from the first one, in pixels, and the number itself from the first, in numbers.
struct Tap {
    int row, column;
    long long away;
};

__device__ __forceinline__ Tap tap_at(Place number, const Gather& g)
{
    if (number.image > 0)
        return {NOWHERE, NOWHERE, 0};
    const int row = number.row * g.row_tap, column = number.column * g.column_tap;
    return {row, column, ((long long)row * g.w + column) * g.c + number.channel};
}

// left[m, k] lies at window.first + tap.away, if the tap lies on a pixel; else it is a zero of the border.
__device__ __forceinline__ bool on_a_pixel(Window window, Tap tap, const Gather& g)
{
    return inside(window.row + tap.row, window.column + tap.column, g.h, g.w);
}

// Where the answers of a place go.
__device__ __forceinline__ long long answers_at(Place place, const Gather& g)
{
    const int row = g.to_row + place.row * g.row_step, column = g.to_column + place.column * g.column_step;
    return number_at({place.image, row, column, 0}, g.to_h, g.to_w, g.f);
}

// With few tiles and long sums most of a GPU would stand idle. There the sums are cut into slices (split-K), which
// different blocks add up at the same time: block blockIdx.z terms first to last - 1, into a sheet of its own.
struct Slice {
    long long first, last;

    __device__ int rounds(int depth) const { return (int)((last - first + depth - 1) / depth); }
};

// All have equally many terms, a multiple of `step`, but the last ones: they have what is left, or nothing.
__device__ __forceinline__ Slice my_slice(long long terms, int step)
{
    const unsigned long long steps = (terms + step - 1) / step;  // with a sign, dividing takes far more registers
    const long long each = (steps + gridDim.z - 1) / gridDim.z * step, first = blockIdx.z * each;
    return {first, first + each < terms ? first + each : terms};
}

// Here the sheets, of `count` numbers, are added in their order: the same sum, bit for bit, every time.
extern "C" __global__ void add_slices(const float* sheets, float* sum, const long long count, const int slices)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    float total = sheets[i];
    for (int slice = 1; slice < slices; ++slice)
        total += sheets[slice * count + i];
    sum[i] = total;
}
