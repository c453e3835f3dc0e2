"""A report as a reader's tools see it: elements with their attributes, texts, tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Reading(HTMLParser):
    tags: list = field(default_factory=list)
    texts: list = field(default_factory=list)
    scripts: list = field(default_factory=list)
    tables: list = field(default_factory=list)
    _inside: list = field(default_factory=list)
    _goes_on: bool = False

    def __post_init__(self):
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, html):
        reading = cls()
        reading.feed(html)
        reading.close()
        return reading

    def handle_comment(self, data):
        self._goes_on = bool(self.texts)  # nobody sees it

    def handle_starttag(self, tag, attrs):
        self._goes_on = False
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")
            self._inside.append("cell")

    def handle_endtag(self, tag):
        self._goes_on = False
        if tag in ("script", "style", "td", "th") and self._inside:
            self._inside.pop()

    def handle_data(self, data):
        if "script" in self._inside:
            self.scripts.append(data)
        elif "style" not in self._inside:
            begun = self.texts.pop() if self._goes_on else ""
            self.texts.append(begun + data)
            if "cell" in self._inside:
                self.tables[-1][-1][-1] += data
        self._goes_on = False

    @property
    def text(self):
        """All that is to be read, spaces as one."""
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        """Attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def rows(self, *headings):
        """Rows of the first table with these headings, as dicts."""
        for head, *rows in (t for t in self.tables if t):
            names = [" ".join(cell.split()) for cell in head]
            if set(headings) <= set(names):
                return [
                    dict(zip(names, (" ".join(cell.split()) for cell in row), strict=True))
                    for row in rows
                    if len(row) == len(names)
                ]
        raise AssertionError(f"no table with {headings}")
