"""`python -m console` is `kerma`.
It adds nothing."""

from console.cli import main

if __name__ == "__main__":
    main()
