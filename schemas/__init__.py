"""The contract as a package of data: schemas, catalogue, ids, tables, examples. Read by importlib.resources."""
