"""to come"""
ROUTES: list = []
def count_download(state, person): return True
