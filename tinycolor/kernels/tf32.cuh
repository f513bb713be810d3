// TF32 is float32 with 10 bits behind the point instead of 23. Tensor cores cut the other 13 off; rounding to the
// nearest first makes the error less than half as large. Who makes numbers that tensor cores are to read may round them
// here, once, in plain C; else every warp that reads them has to (tensor_core.cuh, `rounded`). The bits are the same.
// rounding.py knows which arrays are rounded.

// To the nearest; where two are as near, away from zero: half a step is added, then the rest cut off.
__device__ __forceinline__ float to_tf32(float number)
{
    constexpr unsigned HALF_STEP = 0x1000, KEPT = 0xFFFFE000, INFINITE = 0x7F800000;
    const unsigned bits = __float_as_uint(number);
    return (bits & INFINITE) == INFINITE ? number : __uint_as_float((bits + HALF_STEP) & KEPT);  // a NaN stays one
}
