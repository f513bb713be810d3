// From photos to what a network is given: crops, some of them mirrored, and their colours in CIE Lab.

#include "place.cuh"

// Where a crop is taken from: its first pixel, and how far it is from there to the pixel below and to the one on the
// right, in bytes. A mirrored crop begins at its right edge and goes to the left.
struct Cut {
    long long first, down, right;
};

// One thread per byte of the crops, (crops, height, width, channels). Photos of any sizes lie in one block of memory.
extern "C" __global__ void crop(
    const unsigned char* photos, const Cut* cuts, unsigned char* crops,
    const int count, const int height, const int width, const int channels)
{
    const Place place = my_place(height, channels);
    if (place.image >= count || place.column >= width)
        return;
    const Cut cut = cuts[place.image];
    crops[number_at(place, height, width, channels)]
        = photos[cut.first + place.row * cut.down + place.column * cut.right + place.channel];
}

// A cube root, and below (6/29)^3 its tangent.
__device__ __forceinline__ float curve(float t)
{
    const float delta = 6.0f / 29.0f;
    return t > delta * delta * delta ? cbrtf(t) : t / (3.0f * delta * delta) + 4.0f / 29.0f;
}

// One thread per pixel. `linear` holds the amount of light for each of the 256 bytes of sRGB, `matrix` how much of
// X, Y and Z, each 1 for white, there is in red, green and blue light.
extern "C" __global__ void lab_of(
    const unsigned char* rgb, float* lab, const long long pixels, const float* linear, const float* matrix)
{
    const long long pixel = thread_number();
    if (pixel >= pixels)
        return;
    const float red = linear[rgb[3 * pixel]], green = linear[rgb[3 * pixel + 1]], blue = linear[rgb[3 * pixel + 2]];
    const float x = curve(matrix[0] * red + matrix[1] * green + matrix[2] * blue);
    const float y = curve(matrix[3] * red + matrix[4] * green + matrix[5] * blue);
    const float z = curve(matrix[6] * red + matrix[7] * green + matrix[8] * blue);
    lab[3 * pixel] = 116.0f * y - 16.0f;
    lab[3 * pixel + 1] = 500.0f * (x - y);
    lab[3 * pixel + 2] = 200.0f * (y - z);
}
