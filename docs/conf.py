"""How the documentation is built: `nox -s docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import options_page

import invsound

project = "invsound"
author = "the invsound authors"
version = release = invsound.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = False
suppress_warnings = ["misc.highlighting_failure"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
default_role = "code"

html_theme = "furo"
html_title = f"invsound {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = html_copy_source = False
pygments_style, pygments_dark_style = "friendly", "native"


def fill(app, document, source):
    """The option reference is written by the dataclasses themselves."""
    if document == "options":
        source[0] = source[0].replace("<!-- options of every part -->", options_page.parts())
        source[0] = source[0].replace("<!-- options of every stage -->", options_page.stages())


def literal(app, what, name, obj, options, lines):
    """Docstrings are text with `code`, not reStructuredText: |x| is a magnitude, * a product and x_ an index."""
    indented = [len(line) - len(line.lstrip()) for line in lines]
    for i, line in enumerate(lines):
        pieces = line.split("`")
        pieces[::2] = [piece.replace("*", r"\*").replace("|", r"\|").replace("_ ", r"\_ ") for piece in pieces[::2]]
        lines[i] = "``".join(pieces) if len(pieces) % 2 else line
        option, colon, _ = line.partition(": ")
        if what == "class" and colon and indented[i] == 0 and option.isidentifier():
            lines[i] = f"* ``{option}``: {lines[i].partition(': ')[2]}"


def setup(app):
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", literal)
