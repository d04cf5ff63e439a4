"""The fault laboratory: real brokers and processes of the hub, broken on purpose, and a checker that trusts none of it.

Rule kept: only processes the laboratory started are signalled, and all data lie in one folder that it made.
"""
