"""`python -m connectors.shelter`."""

from connectors.shelter.process import main

if __name__ == "__main__":
    main()
