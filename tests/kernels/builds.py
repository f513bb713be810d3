"""Every way in which a chapter is compiled: its open constants, as the launchers set them."""

from itertools import product

BUILDS = {
    "adam": [{}],
    "bias": [{}],
    "conv_naive": [{}],
    "conv_tensor": [
        {"TILE_M": m, "TILE_N": n, "WIDTH": width} for (m, width), n in product([(64, 1), (64, 4), (128, 4)], (32, 64))
    ],
    "conv_tiled": [{}],
    "dropout": [{}],
    "im2col": [{}],
    "loss": [{"LOSS": name} for name in ("mse", "l1", "smooth_l1", "bce", "bce_with_logits")],
    "norm_act": [{}],
    "photos": [{}],
    "pool": [{"WINNER": name} for name in ("unsigned char", "unsigned short")],
    "upsample": [{}],
}
