"""The GPU's side of ``ops``: CUDA C, read like a book from naive to fast, and for each chapter its launcher.

A chapter ``name.cu`` holds kernels; ``name.py`` beside it launches them and has the signatures of its NumPy
twin in ``tinycolor/ops``. All kernels compute in float32, on NHWC pictures, without atomics: every number is
added up by one thread in one order, so the same input gives the same bits. (What sums over a whole batch, by
``columns``, or in ``loss``, does so in float64.)

1. ``conv_naive``   one thread per number, the sums as they are defined
2. ``im2col``       every window written out, and gathered back
3. ``conv_tiled``   the convolution as a matrix product, tile by tile through shared memory
4. ``conv_tensor``  the same tiles on tensor cores, the next ones on their way meanwhile
5. ``norm_act``     sums over whole batches, and a normalisation and a rectifier in one sweep; where chapter 4 has
                    noted the sums of its answers (``tile_sums``), it takes those; and ``norm_pool``, the same sweep
                    with the max-pooling that comes next
6. ``bias``         the same sums, for the gradient of a bias
7. ``loss``         what every number costs and which way is downhill, in one sweep, and the mean of it all
8. ``finite``       a sum over all gradients, to see whether a step can be made with them
9. ``head``         a 1x1 convolution with few filters, which would leave the tiles of chapter 4 empty; where a loss is
                    awaited of its answers (``awaited``), it does the work of chapter 7 too

and ``activation``, ``pool``, ``upsample``, ``dropout``, ``adam`` and ``photos``: there every number goes its own way.

Layers come here through ``ops/fast/choose.py``: ``conv`` says which chapter convolves, ``linear`` makes a convolution
of a fully connected layer, and ``clock`` holds what an optimizer changes from step to step.
"""
