"""Makes `python -m didact` the same as `didact`."""

from didact.apps.cli import main

if __name__ == "__main__":
    main()
