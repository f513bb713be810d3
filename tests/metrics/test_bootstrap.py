import numpy as np
import pytest
import scipy.stats

from tinycolor.metrics import Interval, paired_bootstrap
from tinycolor.random import Generator


def test_agrees_with_scipy(rng):
    hard = rng.normal(0, 10, 60)
    first, second = hard + rng.normal(1, 2, 60), hard + rng.normal(0, 2, 60)
    interval = paired_bootstrap(first, second, Generator(0))
    expected = scipy.stats.bootstrap((first - second,), np.mean, n_resamples=20_000, method="percentile", rng=rng)
    assert interval.estimate == pytest.approx((first - second).mean())
    wide = expected.confidence_interval.high - expected.confidence_interval.low
    assert interval.low == pytest.approx(expected.confidence_interval.low, abs=0.1 * wide)
    assert interval.high == pytest.approx(expected.confidence_interval.high, abs=0.1 * wide)


def test_what_is_hard_for_both_does_not_widen_it(rng):
    hard = rng.normal(0, 1000, 50)
    interval = paired_bootstrap(hard + 1, hard, Generator(0))
    assert interval == pytest.approx((1, 1, 1))


def test_pooled_counts_are_pooled_again_in_every_draw(rng):
    counts = rng.integers(1, 100, (20, 2))
    double = counts * (2, 1)
    interval = paired_bootstrap(double, counts, Generator(1), statistic=lambda some: np.divide(*some.sum(0)))
    ratio = counts[:, 0].sum() / counts[:, 1].sum()
    assert interval.estimate == pytest.approx(ratio)
    assert 0 < interval.low < ratio < interval.high


def test_level_and_text():
    first, second = np.arange(20.0), np.zeros(20)
    narrow, wide = (paired_bootstrap(first - 9, second, Generator(0), level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert str(Interval(-0.5, 0.25, 1)) == "0.25 [-0.5, 1]"


def test_refused():
    with pytest.raises(ValueError, match="same two or more photos"):
        paired_bootstrap(np.zeros(4), np.zeros(5), Generator(0))
    with pytest.raises(ValueError, match="same two or more photos"):
        paired_bootstrap(np.zeros(1), np.zeros(1), Generator(0))
    with pytest.raises(ValueError, match="level=95"):
        paired_bootstrap(np.zeros(4), np.zeros(4), Generator(0), level=95)
