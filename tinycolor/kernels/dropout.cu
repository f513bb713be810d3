// Dropout by a counter: which units stay is a function of (seed, epoch, step, draw) and of the unit's number.
//
// There is no state to keep between threads or steps, so every thread finds its own random words, and they are
// those of tinycolor/random.py bit for bit.

#include "place.cuh"

struct Words {
    unsigned word[4];
};

// Philox4x32-10: ten rounds of multiplying two words of the counter, and mixing the halves of the products with
// the other two words and a key that changes from round to round.
// Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
__device__ Words philox(Words counter, unsigned key0, unsigned key1)
{
    for (int round = 0; round < 10; ++round) {
        const unsigned long long product0 = 0xD2511F53ull * counter.word[0];
        const unsigned long long product1 = 0xCD9E8D57ull * counter.word[2];
        counter = {{(unsigned)(product1 >> 32) ^ counter.word[1] ^ key0, (unsigned)product1,
                    (unsigned)(product0 >> 32) ^ counter.word[3] ^ key1, (unsigned)product0}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

// One thread per four units, since Philox makes four words at once. `position` = {step, epoch} lies in device
// memory: a captured graph is replayed with the same arguments, but must draw anew in every step.
extern "C" __global__ void dropout(
    const float* x, float* y, unsigned char* keep, const long long count,
    const unsigned* position, const unsigned draw, const unsigned key0, const unsigned key1,
    const float p, const float scale)
{
    const long long block = thread_number();
    if (4 * block >= count)
        return;
    const Words words = philox({{(unsigned)block, draw, position[0], position[1]}}, key0, key1);
    for (int i = 0; i < 4 && 4 * block + i < count; ++i) {
        const long long number = 4 * block + i;
        // 24 bits are what a float can hold: the numbers 0, 1/2^24, 2/2^24 ... below 1.
        const float uniform = (words.word[i] >> 8) * (1.0f / (1 << 24));
        keep[number] = uniform >= p;
        y[number] = x[number] * (float)keep[number] * scale;
    }
}

extern "C" __global__ void dropout_dx(
    const float* dy, const unsigned char* keep, float* dx, const long long count, const float scale)
{
    const long long number = thread_number();
    if (number < count)
        dx[number] = dy[number] * (float)keep[number] * scale;
}
