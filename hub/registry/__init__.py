"""ADMINISTER (PAP).

The only writer of the register, the copy of every change for the audit, and the relations that events begin.
"""
