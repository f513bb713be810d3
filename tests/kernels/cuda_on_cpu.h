// Runs CUDA kernels on the CPU: g++ -include cuda_on_cpu.h. What a kernel may rely on holds here too, and no more:
//
// - The threads of a block are fibers. One runs until it has to wait for others, then the next one runs, in rising
//   or in falling order: a missing __syncthreads() shows as numbers that are not there yet, or no longer.
// - Blocks run one after another; shared memory is full of NaN when a block begins.
// - What is copied later (tensor_core.cuh) arrives no sooner than it is waited for; addresses must be aligned.
// - A tensor-core instruction takes its operands from the registers of all 32 threads, laid out as the PTX manual
//   says (m16n8k8, TF32). An operand that was not rounded to TF32 gives NaN.

#undef _FORTIFY_SOURCE  // whose longjmp refuses to change stacks

#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static __attribute__((section("shared_memory")))

struct Dim {
    unsigned x, y, z;
};
static Dim threadIdx, blockIdx, blockDim, gridDim;

// The linker knows where a section of this name begins and ends.
extern "C" char __start_shared_memory[], __stop_shared_memory[];
static char never_empty __attribute__((section("shared_memory"), used));

// Fibers, and the gates that they wait at.

struct Gate {
    unsigned arrived = 0, times_opened = 0;
};

struct Copy {
    float* to;
    const float* from;
    int floats;
};

// What a thread has asked to be copied, in groups: room for far more than a kernel should have under way.
struct Copies {
    static const int GROUPS = 8, PER_GROUP = 64;
    Copy copy[GROUPS][PER_GROUP];
    int count[GROUPS];
    int first, groups;  // the oldest group that is closed, and how many are

    int open() const { return (first + groups) % GROUPS; }
};

struct Fiber {
    jmp_buf context;
    bool done;
    const Gate* gate;       // where it waits ...
    unsigned times_opened;  // ... for the gate to open once more
    Copies copies;

    bool ready() const { return !done && (!gate || gate->times_opened != times_opened); }
};

static const int MOST_THREADS = 1024, STACK = 64 << 10;
static Fiber fibers[MOST_THREADS];
static int fibers_made;
static Fiber* running;
static jmp_buf scheduler;
static Gate block_gate;
static void (*call)(const void* what);
static const void* what_to_call;
static bool fault;

// Jumps, and no swapcontext, which asks the kernel to keep the signals' mask each time.
static void leave()
{
    if (!_setjmp(running->context))
        _longjmp(scheduler, 1);
}

static void enter(Fiber& fiber)
{
    running = &fiber;
    if (!_setjmp(scheduler))
        _longjmp(fiber.context, 1);
}

static void wait_at(Gate& gate, unsigned expected)
{
    if (++gate.arrived == expected) {
        gate.arrived = 0;
        ++gate.times_opened;
        return;
    }
    running->gate = &gate;
    running->times_opened = gate.times_opened;
    leave();
}

static void __syncthreads()
{
    wait_at(block_gate, blockDim.x);
}

static void live()
{
    for (;;) {
        leave();
        call(what_to_call);
        running->done = true;
    }
}

static void make_fiber(Fiber& fiber)
{
    ucontext_t start;
    getcontext(&start);
    start.uc_stack.ss_sp = malloc(STACK);
    start.uc_stack.ss_size = STACK;
    makecontext(&start, live, 0);
    running = &fiber;
    if (!_setjmp(scheduler))
        setcontext(&start);
}

static void run_block(int threads, bool falling)
{
    memset(__start_shared_memory, 0xFF, __stop_shared_memory - __start_shared_memory);
    for (int i = 0; i < threads; ++i) {
        fibers[i].done = false;
        fibers[i].gate = nullptr;
        fibers[i].copies.first = fibers[i].copies.groups = 0;
        memset(fibers[i].copies.count, 0, sizeof fibers[i].copies.count);
    }
    int left = threads;
    for (bool moved = true; moved;) {
        moved = false;
        for (int turn = 0; turn < threads; ++turn) {
            const int i = falling ? threads - 1 - turn : turn;
            if (!fibers[i].ready())
                continue;
            moved = true;
            fibers[i].gate = nullptr;
            threadIdx = {unsigned(i), 0, 0};
            enter(fibers[i]);
            left -= running->done;
        }
    }
    fault |= left > 0;  // some wait for others that have left
}

template <class... Arguments>
struct Call {
    void (*kernel)(Arguments...);
    void** arguments;

    template <size_t... I>
    void make(std::index_sequence<I...>) const { kernel(*static_cast<Arguments*>(arguments[I])...); }

    static void run(const void* call) { static_cast<const Call*>(call)->make(std::index_sequence_for<Arguments...>()); }
};

// Arguments come as in cuLaunchKernel: one pointer to each. Blocks before first_block are left out.
template <class... Arguments>
static bool launch(void (*kernel)(Arguments...), const unsigned* grid, int threads, long long first_block,
                   bool falling, void** arguments)
{
    const Call<Arguments...> this_call{kernel, arguments};
    call = Call<Arguments...>::run;
    what_to_call = &this_call;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {unsigned(threads), 1, 1};
    block_gate = Gate();
    fault = threads > MOST_THREADS;
    for (; fibers_made < threads && !fault; ++fibers_made)
        make_fiber(fibers[fibers_made]);
    const long long blocks = (long long)grid[0] * grid[1] * grid[2];
    for (long long block = first_block; block < blocks && !fault; ++block) {
        blockIdx = {unsigned(block % grid[0]), unsigned(block / grid[0] % grid[1]), unsigned(block / grid[0] / grid[1])};
        run_block(threads, falling);
    }
    return !fault;
}

static unsigned __float_as_uint(float number)
{
    unsigned bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static float __uint_as_float(unsigned bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

// In place of tensor_core.cuh.

#define TENSOR_CORE

template <int FLOATS>
static void copy_later(float* shared, const float* from, bool exist)
{
    Copies& copies = running->copies;
    int& count = copies.count[copies.open()];
    fault |= count == Copies::PER_GROUP || (uintptr_t)shared % (4 * FLOATS) || (uintptr_t)from % (4 * FLOATS);
    if (!fault)
        copies.copy[copies.open()][count++] = {shared, exist ? from : nullptr, FLOATS};
}

static void close_group()
{
    Copies& copies = running->copies;
    fault |= copies.groups == Copies::GROUPS - 1;
    if (!fault)
        copies.count[(copies.first + ++copies.groups) % Copies::GROUPS] = 0;
}

template <int PENDING>
static void wait_for_groups()
{
    Copies& copies = running->copies;
    for (; copies.groups > PENDING; --copies.groups, copies.first = (copies.first + 1) % Copies::GROUPS)
        for (int i = 0; i < copies.count[copies.first]; ++i) {
            const Copy& copy = copies.copy[copies.first][i];
            for (int number = 0; number < copy.floats; ++number)
                copy.to[number] = copy.from ? copy.from[number] : 0.0f;
        }
}

// To the nearest number with 10 bits behind the point, away from zero if two are as near (cvt.rna).
static unsigned rounded(float number)
{
    return std::isfinite(number) ? (__float_as_uint(number) + 0x1000u) & ~0x1FFFu : __float_as_uint(number);
}

static double tf32(unsigned bits)
{
    return bits & 0x1FFFu ? NAN : __uint_as_float(bits);
}

struct Warp {
    Gate gate;
    unsigned a[2][32][4], b[2][32][2];  // twice: a thread may be one instruction ahead of the others
};
static Warp warps[32];

static void multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    Warp& warp = warps[threadIdx.x / 32];
    const unsigned lane = threadIdx.x % 32, group = lane / 4, member = lane % 4, turn = warp.gate.times_opened % 2;
    memcpy(warp.a[turn][lane], a, sizeof a);
    memcpy(warp.b[turn][lane], b, sizeof b);
    wait_at(warp.gate, 32);
    for (unsigned e = 0; e < 4; ++e) {
        const unsigned row = group + e / 2 * 8, column = 2 * member + e % 2;
        double sum = sums[e];
        for (unsigned k = 0; k < 8; ++k)
            sum += tf32(warp.a[turn][row % 8 * 4 + k % 4][row / 8 + k / 4 * 2])
                 * tf32(warp.b[turn][column * 4 + k % 4][k / 4]);
        sums[e] = sum;
    }
}
