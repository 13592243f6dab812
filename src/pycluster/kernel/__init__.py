"""What every part may know: identities, errors, limits, units. Imports nothing of ours."""
