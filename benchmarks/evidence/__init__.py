"""The long proofs, run outside CI: resumable, each round written down as it ends."""
