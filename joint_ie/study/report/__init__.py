"""The report of a study: what its records say, as Markdown, LaTeX, a page, plots and JSON."""
