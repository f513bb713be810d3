"""``python -m tinycolor``: the same as the ``tinycolor`` command."""

from tinycolor.cli import main

main()
