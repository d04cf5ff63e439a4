"""One command for each question about speed; each prints a sentence and, as its last line, one JSON object."""
