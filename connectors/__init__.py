"""MEET THE AGENCIES: connectors between an agency's own system and the hub.

They import `hub.contracts` and `hub.telemetry` only.
"""
