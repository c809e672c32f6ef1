"""What is found shows itself: on one screen, in a notebook without a script or a network, and as a data frame."""

import html.parser
import sys
import types

import pytest

import invsound as api
from invsound.errors import InvsoundError
from invsound.space import Space
from invsound.table import COLUMNS, ROWS, Table

TOY = ["data.train=8", "data.val=8", "data.test=4", "train.epochs=1", "evaluate.sounds=1", "feature.n_fft=[256]"]


class Tags(html.parser.HTMLParser):
    """Tags that are open, those that were seen, and the addresses that they name."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses = [], set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("br", "meta", "image", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def run(tiny):
    return api.run(tiny, "mss", "ploss", scores=["mss"], overrides=TOY, quiet=True, out="runs/<b>bold")


def shown(found):
    tags = Tags(found._repr_html_())
    assert tags.open == []
    assert "script" not in tags.seen
    assert all(address.startswith(("data:audio/wav", "data:image/png")) for address in tags.addresses)
    lines = repr(found).splitlines()
    assert len(lines) <= ROWS + 3
    assert max(map(len, lines)) < 200
    return tags


def test_a_run_plays_and_its_folder_is_text(run, monkeypatch):
    tags = shown(run)
    assert {"table", "audio", "style"} <= tags.seen
    assert "<b>bold" not in run._repr_html_()
    assert "Run runs/<b>bold, 4 test sounds" in repr(run)
    assert api.resume(run["folder"], quiet=True).table() == run.table()
    away = type(run)(run, folder="gone")
    assert "audio" not in shown(away).seen


def test_a_match_plays_both_sounds(tiny):
    synth = api.make("synth", tiny)
    x = synth(synth.space.values({"f": 300})[None].float())[0]
    found = api.match(x, 8000, synth=tiny, feature="mss", quiet=True)
    tags = shown(found)
    assert len([address for address in tags.addresses if address.startswith("data:audio")]) == 2
    assert "300" in repr(found)
    assert "Hz" in repr(found)


def test_comparisons_and_radii_are_tables(run, tiny, write_run):
    write_run("runs/other", [1.0, 2.0], name="<i>")
    for found in (api.compare("runs/other"), api.radius(tiny, "mss", sounds=1, quiet=True)):
        assert "table" in shown(found).seen


def test_a_space_of_many_parameters_fits_one_screen_and_is_whole_in_a_notebook(tiny):
    many = Space(
        *(api.Parameter(f"p{k}", "Hz", 0, 1, doc="<script>alert(1)</script>") for k in range(145)), api.Choice("wave", ("saw", "sine"))
    )
    assert "… 126 more rows" in repr(many)
    assert many._repr_html_().count("<tr>") == 147
    shown(many)
    problem = api.Problem(api.make("synth", tiny), api.make("feature", "mss", signal=api.make("synth", tiny).signal))
    assert repr(problem).startswith("The feature mss (invsound-mss 0.1.0) of the synth tiny")
    shown(problem)


def test_many_columns_fit_too():
    wide = Table("wide", {f"column {k}": [True, None, 0.123456789] for k in range(COLUMNS + 4)})
    assert wide.text().endswith("… 4 more columns")
    assert "yes" in wide.text()
    assert "0.1235" in wide.text()


def test_frames_are_made_by_pandas_and_asked_for_where_there_is_none(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=dict))
    frame = run.to_frame()
    assert frame["of"][0] == "mss, macro"
    assert frame["trained encoder"][0] == run["scores"]["mss"]["trained"]["macro"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InvsoundError, match="python -m pip install pandas"):
        run.to_frame()
