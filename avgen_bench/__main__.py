"""``python -m avgen_bench`` is ``avgen-bench``."""

import sys

from avgen_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
