// The instructions that C++ has no words for: three for copying in the background, two for tensor cores.
// All of them exist from compute capability 8.0 on.

#ifndef TENSOR_CORE  // the tests bring their own, in plain C++, to run the kernels without a GPU
#define TENSOR_CORE

// Copy FLOATS floats (1 or 4) from far away into shared memory, without waiting and without a register; zeros, if they
// do not exist: then nobody looks where `from` points. Both addresses are multiples of the size.
template <int FLOATS>
__device__ __forceinline__ void copy_later(float* shared, const float* from, bool exist)
{
    const unsigned to = (unsigned)__cvta_generic_to_shared(shared);
    const int bytes = exist ? 4 * FLOATS : 0;  // the rest is filled with zeros
    if constexpr (FLOATS == 4)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes));
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes));
}

// What was asked for since the last call forms a group.
__device__ __forceinline__ void close_group()
{
    asm volatile("cp.async.commit_group;");
}

// Wait until this thread's groups have arrived, all but the latest PENDING.
template <int PENDING>
__device__ __forceinline__ void wait_for_groups()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// To TF32, of a number that nobody has rounded yet: in one instruction, what to_tf32 does in plain C. tf32.cuh says
// what for.
__device__ __forceinline__ unsigned rounded(float number)
{
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(number));
    return bits;
}

// One tensor-core instruction: the 32 threads of a warp together add a (16 x 8) times b (8 x 8) to sums (16 x 8).
// Each thread holds a few numbers of every matrix. With group = lane / 4 and member = lane % 4 they are
//     a     [group][member], [group + 8][member], [group][member + 4], [group + 8][member + 4]
//     b     [member][group], [member + 4][group]
//     sums  [group][2 member], [group][2 member + 1], [group + 8][2 member], [group + 8][2 member + 1]
__device__ __forceinline__ void multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif
