"""Explicit rules for the pages of a site: formats of other programs, and their application to a tree."""
