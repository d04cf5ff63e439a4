"""What the hub says about itself: log lines of opaque ids, codes and numbers. No value of a record leaves here."""
