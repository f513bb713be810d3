"""Colour: spaces that separate lightness from colour, and the bounds of what a screen can show."""

from tinycolor.color.gamut import fit_into_gamut, in_gamut, lab_to_bytes
from tinycolor.color.soft_code import annealed_mean, soft_encode
from tinycolor.color.spaces import (
    lab_of,
    lab_to_rgb,
    lab_to_xyz,
    lalphabeta_to_rgb,
    linear_to_srgb,
    linear_to_xyz,
    luma,
    rgb_to_lab,
    rgb_to_lalphabeta,
    rgb_to_yuv,
    srgb_to_linear,
    xyz_to_lab,
    xyz_to_linear,
    yuv_to_rgb,
)
from tinycolor.color.welsh import transfer, transfer_lab

__all__ = [
    "annealed_mean",
    "fit_into_gamut",
    "in_gamut",
    "lab_of",
    "lab_to_bytes",
    "lab_to_rgb",
    "lab_to_xyz",
    "lalphabeta_to_rgb",
    "linear_to_srgb",
    "linear_to_xyz",
    "luma",
    "rgb_to_lab",
    "rgb_to_lalphabeta",
    "rgb_to_yuv",
    "soft_encode",
    "srgb_to_linear",
    "transfer",
    "transfer_lab",
    "xyz_to_lab",
    "xyz_to_linear",
    "yuv_to_rgb",
]
