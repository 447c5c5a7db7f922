"""to come"""
ROUTES: list = []
