"""The GPU's side of ``ops``: CUDA C, read like a book from naive to fast, and for each chapter its launcher.

A chapter ``name.cu`` holds kernels; ``name.py`` beside it launches them and has the signatures of its NumPy
twin in ``tinycolor/ops``, if there is one. All kernels compute in float32, on NHWC pictures, without atomics: every
number is added up by one thread in one order, so the same input gives the same bits. (What sums over a whole batch,
by ``columns`` or in ``loss``, does so in float64.)

How to convolve, from naive to fast:

1. ``conv_naive``   one thread per number, the sums as they are defined
2. ``im2col``       every window written out, and gathered back
3. ``conv_tiled``   the convolution as a matrix product, tile by tile through shared memory
4. ``conv_tensor``  the same tiles on tensor cores, the next ones on their way meanwhile

What comes between convolutions, and after the last one. Here the arithmetic is cheap and memory is dear, so much is
done in one sweep:

5. ``norm_act``     a normalisation and a rectifier, after sums over the whole batch; and ``norm_pool``, the same sweep
                    with the max-pooling that comes next
6. ``bias``         such sums again, for the gradient of a bias
7. ``loss``         what every number costs and which way is downhill, and the mean of it all
8. ``finite``       a sum over all gradients, to see whether a step can be made with them
9. ``head``         a 1x1 convolution with few filters, which would leave the tiles of chapter 4 nearly empty

Where every number goes its own way: ``activation``, ``pool``, ``upsample``, ``dropout``, ``adam``, ``photos`` and
``rounding``.

Headers, ``.cuh``, hold what several chapters share: ``place`` and ``windows`` (who computes which number from which),
``gather`` (3 and 4), ``tensor_core`` (4), ``columns`` (5, 6 and 8; with ``channel`` for both sweeps of 5),
``strongest`` (both poolings), ``loss_terms`` (7 and 9), ``tile_sums`` (4 and 5), ``tf32`` (5 and ``rounding``). Helpers
in Python:

- ``loader`` compiles and launches: every launcher reads it. ``windows`` and ``columns`` work out what the headers of
  those names want to be told, ``sides`` what ``gather`` does. ``implicit_gemm`` launches 3 and 4.
- ``conv`` says which chapter convolves, ``linear`` makes a convolution of a fully connected layer. Layers come to both,
  and to their other kernels, through ``ops/fast/choose.py``; losses, optimizers, steps and photos come by themselves.
- One kernel may do a part of another's work while it has the numbers at hand. What it leaves behind is kept for who
  asks, as a note (``notes``) of the array: by ``tile_sums`` the sums that 4 notes of its answers, for 5; by
  ``norm_pool`` what 5 has pooled, for ``pool``; by ``awaited`` the loss that 9 makes of its answers, for 7; by
  ``rounding`` that all numbers of an array are rounded for tensor cores, for 4.
- ``clock`` holds what an optimizer changes from step to step.
"""
