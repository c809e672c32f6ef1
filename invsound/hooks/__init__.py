"""Who offers what: the hook specifications, the register of plugins, and the options of their parts."""
