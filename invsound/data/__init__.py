"""Which sounds are drawn, as tables of ν, and the columns that are computed from them once."""
