"""What the scripted teacher says to the requests of each method: small, and true as far as a script can be."""
