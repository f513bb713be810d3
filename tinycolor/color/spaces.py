"""Colour spaces: the same colour by other numbers, so that lightness and colour come apart.

Every function takes and gives arrays (..., 3), float32 or float64, NumPy or CuPy, and is exact both ways; ``lab_of``
alone takes the bytes of a photo. Ranges: sRGB and linear RGB 0..1; XYZ 0..1 (Y of white is 1); L* 0..100, a* and b*
about -108..98 for colours that sRGB can show; Y 0..1, U and V about -0.6..0.6.

Sources: IEC 61966-2-1 (sRGB), CIE 15 (Lab, with the exact fractions 6/29), ITU-R BT.601 (luma, YUV). The matrix and
the white point D65 are the six-digit ones in common use.
"""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module, constant, on_gpu
from tinycolor.kernels import photos

RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
RGB_TO_SHARES = (RGB_TO_XYZ / WHITE_D65[:, None]).astype(np.float32)  # of white's X, Y and Z
LAB_DELTA = 6 / 29  # below this cube root the curve goes on as a straight line

# Rows: Y is what the eye takes for brightness, U and V how far blue and red are from it.
LUMA = np.array([0.299, 0.587, 0.114])
RGB_TO_YUV = np.array(
    [
        LUMA,
        0.436 / (1 - LUMA[2]) * (np.array([0, 0, 1]) - LUMA),
        0.615 / (1 - LUMA[0]) * (np.array([1, 0, 0]) - LUMA),
    ]
)

# Reinhard et al. 2001, section 2: cone responses, and the axes along which their logarithms are independent.
RGB_TO_LMS = np.array(
    [
        [0.3811, 0.5783, 0.0402],
        [0.1967, 0.7244, 0.0782],
        [0.0241, 0.1288, 0.8444],
    ]
)
LOG_LMS_TO_LALPHABETA = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
SMALLEST_RESPONSE = 1e-8  # black has no logarithm


def srgb_to_linear(rgb: Array) -> Array:
    """Undo the sRGB curve: ``x / 12.92`` up to 0.04045, else ``((x + 0.055) / 1.055) ** 2.4``.

    Values below 0, which a conversion may give, stay on the straight part.

    Raises
    ------
    ValueError
        Whole numbers, such as the bytes of a photo.
    """
    xp = array_module(rgb)
    if rgb.dtype.kind != "f":
        raise ValueError(f"got colours as {rgb.dtype}, expected floats from 0 to 1: divide bytes by 255.")
    curve = ((xp.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return xp.where(rgb <= 0.04045, rgb / 12.92, curve)


# A byte has 256 values, so the curve is worked out once for each.
LINEAR = srgb_to_linear(np.arange(256) / 255).astype(np.float32)


def linear_to_srgb(linear: Array) -> Array:
    """Apply the sRGB curve, the inverse of ``srgb_to_linear``."""
    xp = array_module(linear)
    knee = 0.04045 / 12.92
    curve = 1.055 * xp.maximum(linear, knee) ** (1 / 2.4) - 0.055
    return xp.where(linear <= knee, linear * 12.92, curve)


def linear_to_xyz(linear: Array) -> Array:
    """Return CIE XYZ of linear RGB."""
    return _apply(RGB_TO_XYZ, linear)


def xyz_to_linear(xyz: Array) -> Array:
    """Return linear RGB of CIE XYZ; outside 0..1 for colours that sRGB cannot show."""
    return _apply(np.linalg.inv(RGB_TO_XYZ), xyz)


def xyz_to_lab(xyz: Array) -> Array:
    """Return CIE Lab: ``L = 116 f(Y) - 16``, ``a = 500 (f(X) - f(Y))``, ``b = 200 (f(Y) - f(Z))``, white divided out.

    ``f(t)`` is the cube root, and below (6/29)**3 its tangent ``t / (3 (6/29)**2) + 4/29``.
    """
    xp = array_module(xyz)
    t = xyz / xp.asarray(WHITE_D65, dtype=xyz.dtype)
    f = xp.where(t > LAB_DELTA**3, xp.cbrt(t), t / (3 * LAB_DELTA**2) + 4 / 29)
    fx, fy, fz = f[..., 0], f[..., 1], f[..., 2]
    return xp.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], -1)


def lab_to_xyz(lab: Array) -> Array:
    """Return CIE XYZ of CIE Lab, the inverse of ``xyz_to_lab``."""
    xp = array_module(lab)
    fy = (lab[..., 0] + 16) / 116
    f = xp.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    # f * f * f: a power of three is worked out by way of a logarithm, fifty times slower.
    t = xp.where(f > LAB_DELTA, f * f * f, 3 * LAB_DELTA**2 * (f - 4 / 29))
    return t * xp.asarray(WHITE_D65, dtype=lab.dtype)


def rgb_to_lab(rgb: Array) -> Array:
    """Return CIE Lab of sRGB 0..1."""
    return xyz_to_lab(linear_to_xyz(srgb_to_linear(rgb)))


def lab_of(photo: Array) -> Array:
    """Return CIE Lab, float32 (..., 3), of sRGB bytes, uint8 (..., 3); on a GPU by one kernel."""
    if on_gpu(photo):
        return photos.lab_of(photo, constant(LINEAR, photo), constant(RGB_TO_SHARES, photo))
    return xyz_to_lab(linear_to_xyz(LINEAR[photo]))


def lab_to_rgb(lab: Array) -> Array:
    """Return sRGB of CIE Lab; outside 0..1 where sRGB cannot show the colour (see ``fit_into_gamut``)."""
    return linear_to_srgb(xyz_to_linear(lab_to_xyz(lab)))


def luma(rgb: Array) -> Array:
    """Return the BT.601 luma of sRGB 0..1, (..., 3) to (...): ``0.299 R + 0.587 G + 0.114 B``."""
    return rgb @ array_module(rgb).asarray(LUMA, dtype=rgb.dtype)


def rgb_to_yuv(rgb: Array) -> Array:
    """Return BT.601 YUV of sRGB 0..1."""
    return _apply(RGB_TO_YUV, rgb)


def yuv_to_rgb(yuv: Array) -> Array:
    """Return sRGB of BT.601 YUV, the inverse of ``rgb_to_yuv``."""
    return _apply(np.linalg.inv(RGB_TO_YUV), yuv)


def rgb_to_lalphabeta(rgb: Array) -> Array:
    """Return the decorrelated l-alpha-beta of sRGB 0..1: logarithms of the cones' responses, turned.

    Responses below 1e-8 count as 1e-8, so that black has a logarithm.

    Source: D. Ruderman et al., JOSA A 15(8), 1998; the numbers are from E. Reinhard et al., "Color transfer between
    images", IEEE CG&A 21(5), 2001, here applied to linear RGB.
    """
    xp = array_module(rgb)
    response = _apply(RGB_TO_LMS, srgb_to_linear(rgb))
    return _apply(LOG_LMS_TO_LALPHABETA, xp.log10(xp.maximum(response, SMALLEST_RESPONSE)))


def lalphabeta_to_rgb(lalphabeta: Array) -> Array:
    """Return sRGB of l-alpha-beta, the inverse of ``rgb_to_lalphabeta``."""
    response = 10 ** _apply(np.linalg.inv(LOG_LMS_TO_LALPHABETA), lalphabeta)
    return linear_to_srgb(_apply(np.linalg.inv(RGB_TO_LMS), response))


def _apply(matrix: np.ndarray, colours: Array) -> Array:
    """Multiply every colour (..., 3) by a 3x3 matrix, in the colours' own dtype."""
    return colours @ array_module(colours).asarray(matrix.T, dtype=colours.dtype)
