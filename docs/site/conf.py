# The site: Sphinx with MyST and Furo. scripts/docs copies the pages to where this is run.
project = "xgrad"
author = "the xgrad contributors"
copyright = author
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = "xgrad"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["xgrad.css"]
html_css_files = ["xgrad.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5fa5", "color-brand-content": "#0b5fa5",
                            "font-stack": "system-ui, sans-serif",
                            "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"},
    "dark_css_variables": {"color-brand-primary": "#6cb6ff", "color-brand-content": "#6cb6ff"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
# Comments and formulas of C++ that are not a whole program need not please the lexer.
suppress_warnings = ["misc.highlighting_failure"]
