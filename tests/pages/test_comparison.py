"""The page of a comparison, and the tables beside it."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

from invsound.experiments import comparison
from invsound.experiments.results import Column

MACRO, MICRO = Column("scores", "macro", "ear"), Column("scores", "micro", "ear")


EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    handle_startendtag = handle_starttag


def test_table_data_and_page(tmp_path, invsound, write_run):
    for seed in range(3):
        write_run(tmp_path / f"runs/a/seed-{seed}", [1.0 + seed, 3.0], seed, weights=[1.0, 2.0], data__csv=None)
        write_run(tmp_path / f"runs/b/seed-{seed}", [200.0 + seed, 4.0], seed, weights=[1.0, 2.0], data__csv=EVIL)
    result = invsound("compare", "runs", "--out", "out")
    assert result.exit_code == 0, result.stderr
    assert all(word in result.stdout for word in ("csv=null", "Scores", "macro", "micro", "error of f [Hz]", "seconds per step", "p 0.5"))
    printed = json.loads(invsound("compare", "runs", "--json").stdout)
    assert printed == json.loads(Path("out/comparison.json").read_text())
    cell = printed["configurations"][1]["cells"]["macro ear"]
    assert cell == {"values": [102.0, 102.5, 103.0], "median": 102.5, "low": 102.0, "high": 103.0, "p": 0.5}
    first, second = csv.DictReader(Path("out/comparison.csv").read_text().splitlines())
    assert (first["configuration"], first["seeds"], first["macro ear p"]) == ("csv=null", "0 1 2", "")
    assert [float(second[f"macro ear{end}"]) for end in ("", " low", " high", " p")] == [102.5, 102.0, 103.0, 0.5]
    text = Path("out/comparison.html").read_text()
    page = Page(text)
    assert page.tags.count("svg") == 2
    assert page.tags.count("script") == 1
    assert re.findall(r"https?://(?!www\.w3\.org/)", text) == []
    assert "nan" not in re.sub(r'(?s)<style.*?</style>|aria-label="[^"]*"', "", text).lower()
    paths = [value for name, value in page.attributes if name == "d"]
    assert paths
    assert all(re.fullmatch(r"[MLHVhv\d. -]+", path) for path in paths)
    again = Path("out/comparison.html").read_bytes()
    comparison.compare("runs", out="out")
    assert Path("out/comparison.html").read_bytes() == again
