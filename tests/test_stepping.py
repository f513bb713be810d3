"""A learner steps from the loss back into the first filter: few frames, all in the thread where he stands."""

import sys
import threading
from pathlib import Path

import numpy as np

import tinycolor as tc
from tinycolor.data.shapes import draw
from tinycolor.ops.fast import winograd

PACKAGE = str(Path(tc.__file__).parent)


def test_from_the_loss_back_into_conv2d_dw_in_fewer_than_15_frames():
    net = tc.networks.CrossCircleCNN()
    x, target = draw(8, 28, tc.Generator(0))
    y, backward = net(x)
    _, dy = tc.losses.bce(y, target)
    stops = []

    def trace(frame, event, _):
        if event == "call" and frame.f_code.co_name == "conv2d_dw" and PACKAGE in frame.f_code.co_filename:
            depth, outer = 0, frame
            while outer is not None:
                depth += PACKAGE in outer.f_code.co_filename
                outer = outer.f_back
            stops.append((depth, threading.current_thread()))

    sys.settrace(trace)
    threading.settrace(trace)
    try:
        backward(dy)
    finally:
        sys.settrace(None)
        threading.settrace(None)

    assert len(stops) == 2
    for depth, thread in stops:
        assert depth < 15
        assert thread is threading.current_thread()


def test_with_one_lane_no_block_leaves_the_caller_s_thread(monkeypatch):
    layer = tc.Conv2d(32, 32, 3, padding=1)
    x = np.random.default_rng(0).normal(size=(8, 64, 64, 32)).astype("float32")
    threads = []
    tiles = winograd._tiles_at_points
    monkeypatch.setattr(
        winograd,
        "_tiles_at_points",
        lambda *arguments: (threads.append(threading.current_thread()), tiles(*arguments))[1],
    )
    with tc.lanes(1):
        y, backward = layer(x)
        backward(y)
    assert len(threads) > 6
    assert set(threads) == {threading.current_thread()}
