def longest(bounds):
    max_seqlen = (bounds[1:] - bounds[:-1]).max().item()
    return max_seqlen
