"""How the documentation is built: `nox -s docs`."""

import sys
from pathlib import Path

import invsound

sys.path.insert(0, str(Path(__file__).parent))
import generated

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
default_role = "code"

html_theme = "furo"
html_title = f"invsound {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = html_show_copyright = html_copy_source = False
pygments_style, pygments_dark_style = "friendly", "native"


def fill(app, document, source):
    """Options and laws are written by the code that has them."""
    for mark, text in generated.MARKS.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, text())


def literal(app, what, name, obj, options, lines):
    """Docstrings are text with `code`, not reStructuredText: |x| is a magnitude, * a product and x_ an index."""
    fields = getattr(obj, "__dataclass_fields__", {})
    for i, line in enumerate(lines):
        pieces = line.split("`")
        pieces[::2] = [piece.replace("*", r"\*").replace("|", r"\|").replace("_ ", r"\_ ") for piece in pieces[::2]]
        lines[i] = "``".join(pieces)
        option, _, meaning = lines[i].partition(": ")
        if option in fields:
            lines[i] = f"* ``{option}``: {meaning}"


def setup(app):
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", literal)
