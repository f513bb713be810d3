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
// and likewise for columns. With these three numbers free the same kernels go forward and back: see sides.py.
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
    // Which taps of a filter with so many columns these are: the first, and how far apart they are.
    int filter_columns;
    int filter_row, filter_row_step;
    int filter_column, filter_column_step;
    int slice, slices;  // which part of the sums, of how many: see Slice

    __device__ long long places() const { return (long long)n * rows * columns; }
    __device__ int numbers() const { return kh * kw * c; }
    __device__ long long answers() const { return (long long)n * to_h * to_w * f; }
};

// What a launch is given: on the way back through a stride, several products at once (sides.py says why). Each
// is one of `row_parts` along the height and one of `column_parts` along the width.
struct Gathers {
    int n, h, w, c, f;
    int to_h, to_w, filter_columns;
    int row_stride, row_tap, row_step, filter_row_step, row_parts;
    int column_stride, column_tap, column_step, filter_column_step, column_parts;
    int slices;
    int rows[32], kh[32], row_start[32], filter_row[32], to_row[32];
    int columns[32], kw[32], column_start[32], filter_column[32], to_column[32];
};

__device__ __forceinline__ Gather gather(const Gathers& all, int i, int j, int slice)
{
    Gather g;
    g.n = all.n, g.h = all.h, g.w = all.w, g.c = all.c, g.f = all.f;
    g.rows = all.rows[i], g.columns = all.columns[j];
    g.kh = all.kh[i], g.kw = all.kw[j];
    g.row_stride = all.row_stride, g.row_start = all.row_start[i], g.row_tap = all.row_tap;
    g.column_stride = all.column_stride, g.column_start = all.column_start[j], g.column_tap = all.column_tap;
    g.to_h = all.to_h, g.to_w = all.to_w;
    g.to_row = all.to_row[i], g.row_step = all.row_step;
    g.to_column = all.to_column[j], g.column_step = all.column_step;
    g.filter_columns = all.filter_columns;
    g.filter_row = all.filter_row[i], g.filter_row_step = all.filter_row_step;
    g.filter_column = all.filter_column[j], g.filter_column_step = all.filter_column_step;
    g.slice = slice, g.slices = all.slices;
    return g;
}

// Where there is one product, blockIdx.z counts the slices of its sums; where there are more, it counts those of the
// first product, then those of the second, and so on.
__device__ __forceinline__ Gather the_gather(const Gathers& all)
{
    return gather(all, 0, 0, blockIdx.z);
}

__device__ __forceinline__ Gather my_gather(const Gathers& all)
{
    const int product = blockIdx.z / all.slices;
    return gather(all, product / all.column_parts, product % all.column_parts, blockIdx.z % all.slices);
}

// A part of a filter may have no taps, a part of a picture no places: nothing is summed up then, yet it is divided by
// their number.
__device__ __forceinline__ int at_least_1(int number) { return number > 0 ? number : 1; }

// So far outside that no tap can bring it back: what lies there reads zero.
constexpr int NOWHERE = -(1 << 29);

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

// On the way back the filter is turned round, and read where it lies, (taps, g.f, g.c): the numbers under a window are
// dy's, the answers dx's. Here is what answer 0 multiplies a number by; for each further answer it is g.c further on.
__device__ __forceinline__ long long turned_at(Place number, const Gather& g)
{
    const int row = g.filter_row + number.row * g.filter_row_step;
    const int column = g.filter_column + number.column * g.filter_column_step;
    return ((long long)row * g.filter_columns + column) * g.f * g.c + number.channel;
}

// With few tiles and long sums most of a GPU would stand idle. There the sums are cut into slices (split-K), which
// different blocks add up at the same time: terms first to last - 1, into a sheet of its own.
struct Slice {
    long long first, last;

    __device__ int rounds(int depth) const { return (int)((last - first + depth - 1) / depth); }
};

// All have equally many terms, a multiple of `step`, but the last ones: they have what is left, or nothing.
__device__ __forceinline__ Slice my_slice(long long terms, int step, const Gather& g)
{
    const unsigned long long steps = (terms + step - 1) / step;  // with a sign, dividing takes far more registers
    const long long each = (steps + g.slices - 1) / g.slices * step, first = g.slice * each;
    return {first, first + each < terms ? first + each : terms};
}

// Here the sheets, of `count` numbers, are added in their order: the same sum, bit for bit, every time. It may go
// `onto` what is there: gradients of parameters add up.
extern "C" __global__ void add_slices(
    const float* sheets, float* sum, const long long count, const int slices, const bool onto)
{
    const long long i = thread_number();
    if (i >= count)
        return;
    float total = sheets[i];
    for (int slice = 1; slice < slices; ++slice)
        total += sheets[slice * count + i];
    sum[i] = onto ? sum[i] + total : total;
}
