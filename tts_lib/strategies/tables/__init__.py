"""Tidy tables of curves and choices, as notebooks 11 and 12 save them and figures and claims read them."""
