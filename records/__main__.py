"""`python -m records`: the recorder process, started by `kerma run` or by a unit of its own.
Everything is in records/process.py."""

import sys

from records.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
