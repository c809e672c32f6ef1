"""Plain values in, HTML and tables out: these modules know no stage of a run."""
