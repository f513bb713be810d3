"""Every way in which a chapter is compiled: its open constants, as the launchers set them."""

from itertools import product

LOSSES = [{"LOSS": name} for name in ("mse", "l1", "smooth_l1", "bce", "bce_with_logits")]
BUILDS = {
    "activation": [{}],
    "adam": [{}],
    "bias": [{}],
    "conv_naive": [{}],
    "conv_tensor": [
        {"TILE_M": m, "TILE_N": n, "WIDTH": width, "ROUNDED": rounded}
        for (m, width, rounded), n in product([(64, 1, 0), *product((64, 128), (4,), (0, 1))], (32, 64))
    ],
    "conv_tiled": [{}],
    "dropout": [{}],
    "finite": [{}],
    "head": [{"LOSS": "no_loss"}, *LOSSES],
    "im2col": [{}],
    "loss": LOSSES,
    "norm_act": [{}],
    "norm_pool": [{"KH": kh, "KW": kw} for kh, kw in ((2, 2), (3, 2), (4, 4))],
    "photos": [{}],
    "pool": [{"WINNER": name} for name in ("unsigned char", "unsigned short")],
    "rounding": [{}],
    "upsample": [{}],
}
