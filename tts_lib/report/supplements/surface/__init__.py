"""The exchange surface as a supplement: models of several sizes, the claims on them, and tables."""
