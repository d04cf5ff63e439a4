"""ENFORCE (PEP).

Effect exactly once from `admitted.<lane>` to releases, audit, receipts and quarantine, in one transaction per batch.
"""
