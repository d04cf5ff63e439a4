"""A second, naive implementation of decision and projection, written from the words of contract.md and domain.md.

Rule kept: nothing here imports the product's decision, slicer or gateway; it reads the policy and schema files itself.
Slow and plain on purpose: `python -m tests.properties.million` compares it with the product.
"""
