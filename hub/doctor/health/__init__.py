"""Health of a running part: its pulse, and the checks it answers over HTTP."""
