"""The independent check: every release recomputed from outside, and compared with what went out.

Rule kept: nothing of compile, decide or the slicer is used here, nor of the gateway. The rows are read as a person
reads them, records are decoded whole, filtered and encoded again. Slow on purpose.
"""
