"""The police connector: what a station's system puts into its outbox becomes events of the contract."""
