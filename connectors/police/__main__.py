"""`python -m connectors.police`."""

from connectors.police.process import main

if __name__ == "__main__":
    main()
