# %% [markdown]
# # 20. On the GPU: the same convolution, from the naive kernel to tensor cores
#
# In lesson 7 much of the time went into walking: numbers were written to the main memory, and read back. On a graphics
# card, a **GPU**, that is nearly everything, for it multiplies far faster than it can fetch what is to be multiplied.
# Here you see why, and what the first four chapters of `tinycolor/kernels` do about it: those on convolution. All of it
# runs in NumPy, line by line. Only the race at the end wants a GPU; without one you see figures that were measured on
# one.

# %%
import json
import sys
from datetime import date
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.kernels import conv_naive, conv_tensor, conv_tiled, im2col
from tinycolor.kernels.rounding import has_tf32
from tinycolor.ops import conv as plain
from tinycolor.ops.im2col import im2col as windows

# %% [markdown]
# ## Thousands of workers
#
# Your processor has a few cores, each quick and clever. A GPU has thousands of workers, each slower and rather dumb,
# the **threads**. All of them run the same little program, the **kernel**. What tells one from another is its number:
# from that it works out which part is its own. Here that is one number of the result.


# %%
def kernel(number, x, weight, y):
    """Do what one thread does: find the place that belongs to its number, and compute the one answer there."""
    row, column, f = np.unravel_index(number, y.shape)
    y[row, column, f] = (x[row : row + 3, column : column + 3] * weight[..., f]).sum()


rng = tc.Generator(20)
small_x, small_weight = rng.normal((6, 6, 2)), rng.normal((3, 3, 2, 3))
small_y = np.zeros((4, 4, 3), np.float32)
THREADS = 16  # in each block
for block in rng.permutation(small_y.size // THREADS):
    for thread in rng.permutation(THREADS):
        kernel(block * THREADS + thread, small_x, small_weight, small_y)

assert np.allclose(small_y, plain.conv2d(small_x[None], small_weight)[0], atol=1e-5)

# %% [markdown]
# Threads come in **blocks**. A GPU runs the blocks in any order, many at the same time, so we took a random one. No
# block may rely on another, and no two threads may write to one place. This is chapter 1: open `kernels/conv_naive.cu`
# beside it, which says the same in the language of GPUs, with a loop for every sum.
#
# An H100, a large GPU, has 132 processors with 128 arithmetic units each, says its maker NVIDIA. Three stores feed
# them: **far memory**, 80 GB for all; a cache of 50 MB before it; and in each processor, right beside the arithmetic,
# up to 228 KB of **shared memory**, which the threads of one block share.
#
# ## What is the limit?
#
# One real convolution from here on: 64 pictures of 64x64 with 32 channels, 32 filters of 3x3. Count two things: the
# multiplications, and the numbers that must be moved at the very least: each one of x and of the weights in, once, and
# each one of y out.

# %%
pictures, places, taps, filters = 64, 64 * 64 * 64, 3 * 3 * 32, 32  # places: in all pictures; taps: numbers of a window
products = places * taps * filters
x_size, weight_size, y_size = places * 32, taps * filters, places * filters
least = x_size + weight_size + y_size
print(f"{products:,} multiplications, {least:,} numbers to move: {products / least:.0f} for each")

assert products == 2_415_919_104
assert least == 16_786_432

# %% [markdown]
# And what can an H100 do? Measured with CuPy: a large matrix product made 51.4 million million operations a second in
# float32, and 404 on tensor cores (they come below; multiplying and adding count as two). A copy moved 3.02 million
# million bytes a second, and a number has four.

# %%
float32_speed, tensor_speed = 51.4e12 / 2, 404e12 / 2  # products a second
far_speed = 3.02e12 / 4  # numbers a second
print(f"to multiply: {products / float32_speed * 1e6:.0f} us, on tensor cores {products / tensor_speed * 1e6:.0f} us")
print(f"to move each number once: {least / far_speed * 1e6:.0f} us")
print(f"products per number moved: {float32_speed / far_speed:.0f}, or {tensor_speed / far_speed:.0f} on tensor cores")

assert round(float32_speed / far_speed) == 34

# %% [markdown]
# (1 us is a millionth of a second.) Mind the last line: whoever makes fewer than 34 products for each number that is
# moved leaves the arithmetic waiting. Chapter 1 fetches two numbers for *one* product.
#
# ## Four chapters, counted
#
# Chapter 2 is im2col: it reads and writes every window, and so every pixel nine times. Then comes the matrix product,
# (262,144 places, 288 taps) @ (288, 32). Chapters 3 and 4 make that product without writing the windows down: each is
# looked up where it lies, when its turn comes. And they make it by tiles, 64 places x 32 filters: the left matrix is
# fetched once, the right one once for each 64 places. (We let the product of chapter 2 do so too.)

# %%
by_tiles = places * taps + places // 64 * weight_size + y_size
moved = {
    "1 naive": 2 * products + y_size,
    "2 im2col": 2 * places * taps + by_tiles,
    "3 and 4 tiles": by_tiles,
    "each number once": least,
}
for name, count in moved.items():
    us = count / far_speed * 1e6
    print(f"{name:16} {count * 4 / 1e6:6,.0f} MB, {products / count:5.1f} products each, {us:5,.0f} us if all is far")

assert [round(count * 4 / 1e6) for count in moved.values()] == [19361, 1091, 487, 67]

# %% [markdown]
# "If all is far" is too gloomy: windows overlap, and much of what is asked for again is still in the cache. But to the
# cache it is a walk too.
#
# ## Why tiles help
#
# In a matrix product each number is needed many times: one of the left for every filter, one of the right for every
# place. So let a block of threads fetch a piece of each into shared memory, 64 x 16 numbers of the left and 16 x 32 of
# the right. All its threads now read there, and make 64 * 16 * 32 products of them. Then come the next 16 taps. Here is
# one of the 64 pictures. For us it is a loop over tiles; on a GPU they are blocks, side by side.

# %%
picture, weight = rng.normal((1, 64, 64, 32)), rng.normal((3, 3, 32, filters), std=0.1)
left = windows(picture, (3, 3), (1, 1), (1, 1), (1, 1)).reshape(4096, taps)
right = weight.reshape(taps, filters)

y, fetched = np.zeros((4096, filters), np.float32), 0
for m in range(0, 4096, 64):  # each of these is a block
    sums = np.zeros((64, filters), np.float32)
    for k in range(0, taps, 16):  # 18 rounds
        left_piece, right_piece = left[m : m + 64, k : k + 16], right[k : k + 16]  # into shared memory
        fetched += left_piece.size + right_piece.size
        sums += left_piece @ right_piece  # from shared memory
    y[m : m + 64] = sums

print(f"{fetched:,} numbers fetched for {products // 64:,} products: {products / 64 / fetched:.1f} for each")
assert round(products / 64 / fetched) == 21
assert fetched * pictures + y_size == moved["3 and 4 tiles"]
assert np.allclose(y, plain.conv2d(picture, weight, padding=(1, 1)).reshape(4096, filters), atol=1e-4)

# %% [markdown]
# Half a product for each number has become 21: a number of the left now serves 32 times, one of the right 64 times.
# Larger tiles do better still, if there is room for them and their sums. (The tile of `conv_tiled.cu` is 64 filters
# wide. Our 32 leave half of it empty; `conv_tensor.cu` has a narrower one for them, and one of 128 places for batches
# as large as this.)
#
# ## A conveyor belt
#
# What comes from far away takes its time, and in `conv_tiled.cu` the whole block waits for it: fetch, multiply, fetch,
# multiply. So divide the shared memory into **stages**. While the pieces in one are multiplied, others are on their way
# into the next. Say fetching takes two moments and multiplying one (made-up figures, to see the belt run).


# %%
def belt(stages, rounds=18, fetching=2, multiplying=1):
    """Return when the pieces of each round were asked for, and when they have been multiplied."""
    asked, done = [], []
    for t in range(rounds):
        asked.append(done[t - stages] if t >= stages else 0)  # as soon as there is a free stage
        begin = max(asked[t] + fetching, done[-1] if done else 0)  # they are here, and the round before is done
        done.append(begin + multiplying)
    return asked, done


for stages in (1, 2, 3):
    asked, done = belt(stages)
    print(f"{stages} stages, {stages * (64 * 16 + 16 * 32) * 4:,} bytes: done after {done[-1]} moments")

assert [belt(stages)[1][-1] for stages in (1, 2, 3)] == [54, 28, 20]

# %% [markdown]
# With three stages we wait once, at the start. `conv_tensor.cu` has three.
#
# ## Tensor cores
#
# Threads march in step, 32 at a time, and commonly each makes one product. A **tensor core** multiplies little matrices
# in one instruction: the 32 together make 16x8 @ 8x8, which is 1024 products, and add them to 16x8 sums. A tile of ours
# takes 576 such instructions.

# %%
tile, instructions = np.zeros((64, filters), np.float32), 0
for k in range(0, taps, 8):
    for m in range(0, 64, 16):
        for f in range(0, filters, 8):
            tile[m : m + 16, f : f + 8] += left[m : m + 16, k : k + 8] @ right[k : k + 8, f : f + 8]
            instructions += 1

assert instructions == 576
assert instructions * places // 64 == products // 1024
assert np.allclose(tile, y[:64], atol=1e-4)

# %% [markdown]
# There is a price. A float32 has 23 binary digits behind the point. A tensor core takes factors with 10, called TF32,
# and cuts off the other 13. To round is better than to cut, so that is done first: add half of the last digit that
# stays, then cut. A number is read many times. So in a network the kernel that *makes* it may round it, once; where
# none has, as in the race below, chapter 4 does it whenever it reads one. The *sums* remain float32.


# %%
def cut(numbers):
    """Return float32 numbers with the last 13 of their binary digits 0."""
    return (numbers.view(np.uint32) & 0xFFFFE000).view(np.float32)


def rounded(numbers):
    """Return float32 numbers rounded to the nearest that has 0 there."""
    return cut((numbers.view(np.uint32) + 0x1000).view(np.float32))


print("0.7 cut:", cut(np.float32(0.7)), "rounded:", rounded(np.float32(0.7)))

short_sums = np.zeros_like(y)
for k in range(0, taps, 8):
    short_sums = rounded(short_sums + rounded(left[:, k : k + 8]) @ rounded(right[k : k + 8]))
ways = {
    "float32": left @ right,
    "factors rounded": rounded(left) @ rounded(right),
    "factors cut": cut(left) @ cut(right),
    "sums rounded as well": short_sums,
}
exact = left.astype(np.float64) @ right.astype(np.float64)
errors = {name: np.linalg.norm(way - exact) / np.linalg.norm(exact) for name, way in ways.items()}
for name, error in errors.items():
    print(f"{name:21} error {error:.1e}")

assert errors["float32"] < 1e-6
assert 2.5e-4 < errors["factors rounded"] < 3.5e-4
assert 7e-4 < errors["factors cut"] < 8.5e-4
assert errors["sums rounded as well"] > 3 * errors["factors rounded"]

# %% [markdown]
# Rounding the factors costs an error of 3e-4, three in ten thousand. Cutting more than doubles it, and so would sums
# that are rounded at every instruction. (`tc.precision("fp32")` does without tensor cores. PyTorch's convolutions, left
# alone, use them too.)
#
# ## One recording
#
# Who starts a kernel? Python does, and that takes time: measured on an H100, on prototypes of these kernels, 19 us for
# one of many arguments. Python does not wait for the kernel, it goes on to ask for the next. So behind long kernels the
# starting hides. Behind short ones it does not, and the GPU sleeps. Here are 18 kernels, first of 89 us each (our 64
# pictures, on a prototype of chapter 4), then of a 64th of that, as if there were one picture.
#
# A **CUDA graph** helps: record once what is started, then have all of it played back by one call. Measured, again on
# prototypes: a training step of a small network like that of lesson 6, 18 kernels, took 683 us when they were started
# one by one, and 73 us as a recording. `training/graph.py` records a whole step, backward and optimizer too.
#
# Played back, kernels still begin one after another, and each fetches anew what the one before has written. So let
# there be few: one that sums up a gradient can add it to that of before, too, and what nobody asks for, such as the
# gradient of the pictures themselves, need not be started at all. With `tc.networks.CrossCircleCNN` and 32 pictures
# a recorded step of ours once had 60 launches, and now has 36. (That was counted, without a GPU. It says nothing yet
# of the time.)

# %%
for work in (89, 89 / 64):
    python = gpu = 0.0
    for _ in range(18):
        python += 19  # it has asked for the next kernel ...
        gpu = max(gpu, python) + work  # ... which begins when it was asked for and the one before is done
    print(f"18 kernels of {work:4.1f} us: done after {gpu:5,.0f} us, {18 * work / gpu:.0%} of it work")
print(f"measured: one by one {683 / 18:.0f} us a kernel, recorded {73 / 18:.0f} us, {683 / 73:.1f} times as fast")

# %% [markdown]
# ## The ladder
#
# Is there a GPU? Then the chapters race on it now. Without one you see what was recorded on one, in a file beside this
# lesson: `python lessons/20_on_the_gpu.py --record` writes it. As long as nobody has done that, you see prototypes:
# four ways to do this very convolution, forward, and PyTorch beside them. (Chapters 1 and 3 were not timed then. In the
# last, a block keeps its tile of the *picture* in shared memory, border and all, for all nine taps: no chapter yet.)

# %%
RECORD = Path(tc.__file__).parents[1] / "lessons" / "20_on_the_gpu.json"
PROTOTYPES = {  # recordings played back, medians; of two runs, in which PyTorch's times agreed within 5 %
    "what": "Prototypes, measured before these kernels were written",
    "where": "NVIDIA H100 80GB HBM3, CuPy 14.2.0, PyTorch 2.11.0",
    "us": {
        "2 im2col, product in float32": 295,
        "2 im2col, product in TF32": 265,
        "PyTorch, as it comes": 109,
        "4 tiles on tensor cores": 89,
        "the same, with border": 43,
    },
}


def by_im2col(x, weight, padding):
    """Return what chapter 2 makes of x and weight on a GPU; the product is CuPy's."""
    columns = im2col.im2col(x, (3, 3), (1, 1), padding, (1, 1))
    return (columns.reshape(-1, taps) @ weight.reshape(taps, filters)).reshape(*x.shape[:3], filters)


def microseconds(launch):
    """Return how long one of ten launches takes by the GPU's own clock; the best of three runs."""
    cuda, runs = tc.backend.gpu().cuda, []
    for _ in range(3):
        start, end = cuda.Event(), cuda.Event()
        start.record()  # the GPU notes the time when it comes to this
        for _ in range(10):
            launch()
        end.record()
        end.synchronize()
        runs.append(cuda.get_elapsed_time(start, end) * 1000 / 10)
    return min(runs)


if tc.backend.pick_device("auto") == "gpu":
    cupy, us = tc.backend.gpu(), {}
    x, w = tc.to_device(rng.normal((pictures, 64, 64, 32)), "gpu"), tc.to_device(weight, "gpu")
    chapters = {"1 naive": conv_naive.conv2d, "2 im2col": by_im2col, "3 tiles": conv_tiled.conv2d}
    if has_tf32():
        chapters["4 tensor cores"] = conv_tensor.conv2d
    naive = conv_naive.conv2d(x, w, padding=(1, 1))
    by_ops = plain.conv2d(tc.to_numpy(x[:1]), weight, padding=(1, 1))  # the first picture, on the CPU
    assert np.allclose(tc.to_numpy(naive[:1]), by_ops, atol=1e-3)
    for name, chapter in chapters.items():
        launch = partial(chapter, x, w, padding=(1, 1))
        difference = float(abs(launch() - naive).max())
        print(f"{name:14} differs from chapter 1 by {difference:.6f} at most")
        assert difference < 0.02
        us[name] = microseconds(launch)

    pool, stream = cupy.cuda.MemoryPool(), cupy.cuda.Stream(non_blocking=True)  # a recording has memory of its own
    with cupy.cuda.using_allocator(pool.malloc), stream:
        launch()
        stream.begin_capture()
        for _ in range(10):
            launch()
        graph = stream.end_capture()
        us[f"{name}, recorded"] = microseconds(partial(graph.launch, stream)) / 10

    device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    where = f"{device}, CuPy {cupy.__version__}"
    record = {"what": f"tinycolor {tc.__version__}, measured {date.today()}", "where": where, "us": us}
    if "--record" in sys.argv:
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
elif RECORD.exists():
    record = json.loads(RECORD.read_text())
else:
    print("There is no GPU here, and nobody has recorded yet how long these kernels take on one.")
    record = PROTOTYPES

slowest = max(record["us"].values())
print(f"{record['what']}, {record['where']}:")
for name, us in record["us"].items():
    print(f"{name:28} {us:8,.0f} us, {slowest / us:6.1f} times as fast as the slowest")

# %% [markdown]
# Look at the two im2col of the prototypes. On tensor cores a large product runs eight times as fast, and yet all of it
# together was done only a tenth sooner. It was not the multiplying that took the time.
#
# The picture: what each chapter moves; eight rounds of the belt, with one stage and with three (orange: on the way,
# blue: multiplied); and the ladder. Mind the scale at the upper left: each line of the grid is *ten times* the one
# before.

# %%
blue, orange = "#2471a3", "#e67e22"
panels = [["moved", "ladder"], ["belt", "ladder"]]
figure, axes = plt.subplot_mosaic(panels, figsize=(12, 6), layout="constrained", height_ratios=[4, 5])
megabytes = {name: count * 4 / 1e6 for name, count in moved.items()}
for axis, values in ((axes["moved"], megabytes), (axes["ladder"], record["us"])):
    axis.barh([name.replace(", ", ",\n") for name in values], values.values(), 0.6, color=blue)
    for row, value in enumerate(values.values()):
        axis.text(value, row, f" {value:,.0f}", va="center", fontsize=11)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.4)
    axis.set_axisbelow(True)
axes["moved"].set(title="Moved, in MB, as if there were no cache", xscale="log", xlim=(10, 100_000))
axes["moved"].xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
axes["ladder"].set(xlim=(0, 1.15 * slowest))
axes["ladder"].set_title(f"One convolution, in us\n{record['what']}\n{record['where']}", fontsize=10)

for stages, first in ((1, 0), (3, 3)):
    asked, done = belt(stages, rounds=8)
    for t in range(8):
        axes["belt"].barh(first + t % stages, 2, left=asked[t], color=orange, edgecolor="white")
        axes["belt"].barh(first + stages, 1, left=done[t] - 1, color=blue, edgecolor="white")
        for middle, line in ((asked[t] + 1, first + t % stages), (done[t] - 0.5, first + stages)):
            axes["belt"].text(middle, line, t + 1, ha="center", va="center", color="white", fontsize=9)
lines = ["the one stage", "multiplied", "first of three stages", "second", "third", "multiplied"]
axes["belt"].set_yticks([0, 1, 3, 4, 5, 6], lines)
axes["belt"].set(title="The belt, moment by moment", ylim=(6.6, -0.6))
figures.save(figure, "20_on_the_gpu")

# %% [markdown]
# ## What you know now
#
# - A GPU has thousands of threads in blocks, a small fast store for each block, and a large slow one for all.
# - It multiplies faster than it fetches. So count how many products each fetched number serves.
# - Tiles make one fetch serve many products. A belt of stages fetches while it multiplies.
# - Tensor cores multiply little matrices at once, from rounded factors into float32 sums: an error of 3e-4.
# - Small kernels take less time than starting them. Have few, record a step once, and play it back.
#
# And one thing to wonder about: all this makes colours come sooner, and none of it makes them better. When are they
# good? Could people tell them from those of a photo? That is for lesson 21.
#
# **Now you**: `lessons/exercises/20_on_the_gpu.py`. You write the loop over tiles, foretell what it fetches, and choose
# the tile.

# %%
figures.show()
