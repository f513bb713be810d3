"""``tinycolor bench``, as far as it can go wrong before anything is timed; the rest is in test_bench.py."""

import sys


def test_an_unknown_case_is_one_sentence(run):
    printed = run("bench", "--case", "no-such-case", code=1)
    assert "no-such-case" in printed
    assert printed.count("\n") == 1


def test_without_cupy_the_gpu_is_one_sentence_that_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    printed = run("bench", "--device", "gpu", code=1)
    assert 'pip install -e ".[cuda13]"' in printed
    assert printed.count("\n") == 1
