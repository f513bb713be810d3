"""``tinycolor bench``, as far as it can go wrong before anything is timed; the rest is in test_bench.py."""


def test_an_unknown_case_is_one_sentence(run):
    printed = run("bench", "--case", "no-such-case", code=1)
    assert "no-such-case" in printed
    assert printed.count("\n") == 1
