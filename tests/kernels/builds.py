"""Every way in which a chapter is compiled: its open constants, as the launchers set them."""

from itertools import product

BUILDS = {
    "adam": [{}],
    "conv_naive": [{}],
    "conv_tensor": [{"TILE_M": 64, "TILE_N": n, "WIDTH": width} for n, width in product((32, 64), (1, 4))],
    "conv_tiled": [{}],
    "dropout": [{}],
    "im2col": [{}],
    "loss": [{"LOSS": name} for name in ("mse", "l1", "smooth_l1", "bce", "bce_with_logits")],
    "norm_act": [{}],
    "photos": [{}],
    "pool": [{"WINNER": name} for name in ("unsigned char", "unsigned short")],
    "upsample": [{}],
}
