"""The drivers that come with hostmon, a folder each; hostmon itself never imports them."""
