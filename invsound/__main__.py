"""`python -m invsound`."""

from .cli import main

if __name__ == "__main__":
    main()
