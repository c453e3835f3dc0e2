"""A folder of templates that somebody handed on, without ``--trust``: it reaches no file and no network."""

from __future__ import annotations

import http.server
import os
import threading

import pytest

from bench.errors import UsageError
from bench.report import templating, vega
from bench.report.blocks import Figure, Panel, Prose
from bench.report.own import Own
from bench.report.render import environment, page

SECRET = "what only the reader of the report may read"
SPEC = {
    "data": {"values": [{"x": 1}]},
    "layer": [{"mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}],
    "config": {},
}
FIGURE = Figure("f", "A figure", (Panel("p", "A panel", SPEC, 100, "a point"),))


@pytest.fixture
def asked():
    """The address of a server, and what it was asked for."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'[{"x": 1}]')

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/stolen", paths
        server.shutdown()
        thread.join()


def drawn(folder, template, name="blocks/figure.html", block=FIGURE):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template, encoding="utf-8")
    own = Own.of(folder)
    return templating.render(environment(own), name, own, block=block)


def test_what_they_draw_is_a_panel(tmp_path, asked):
    """A namespace with a cycler can pose as one, with a specification that asks an address for its data."""
    address, paths = asked
    spec = {**SPEC, "data": {"url": address}}
    template = (
        f"{{% set spec = {spec!r} %}}"
        "{{ static_svg(namespace(name='x', stills=cycler({'x': spec}).next)) }}"
    )
    with pytest.raises(UsageError, match="cannot be used") as caught:
        drawn(tmp_path, template)
    assert "a panel of a figure" in caught.value.found
    assert paths == []


@pytest.mark.parametrize("call", ["update({'data': {'url': url}})", "pop('data')", "clear()"])
def test_what_they_are_given_they_do_not_change(tmp_path, asked, call):
    address, paths = asked
    template = (
        f"{{% set url = {address!r} %}}{{% set _ = block.panels[0].spec.{call} %}}"
        "{{ static_svg(block.panels[0]) }}"
    )
    with pytest.raises(UsageError) as caught:
        drawn(tmp_path, template)
    assert "SecurityError" in caught.value.found
    assert paths == []
    assert SPEC["data"] == {"values": [{"x": 1}]}


def test_no_chart_asks_an_address(asked):
    """Whatever a specification says: that of a section, too."""
    address, paths = asked
    with pytest.raises(ValueError, match=r"(?i)url"):
        vega.svg({**SPEC, "data": {"url": address}})
    assert paths == []
    assert "<svg" in vega.svg(SPEC)


@pytest.mark.parametrize("value", ["'text'", "namespace(template='../../x')", "none", "{}"])
def test_what_they_show_is_a_block(tmp_path, value):
    with pytest.raises(UsageError) as caught:
        drawn(tmp_path, f"{{{{ show({value}) }}}}")
    assert "show takes a block" in caught.value.found


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    (tmp_path / "theirs" / "blocks").mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("link.html", "a link out of the folder"),
        ("folder/secret", "a link out of the folder"),
        ("pipe.html", "a device or a pipe"),
        ("zero.html", "a link out of the folder"),
        ("large.html", "more than 1,000,000 bytes"),
        ("bytes.html", "codec can't decode"),
        ("nowhere.html", "No such file"),
        ("../secret", "TemplateNotFound"),
        ("{absolute}", "TemplateNotFound"),
    ],
)
def test_they_include_nothing_from_outside(tmp_path, secret, named, said):
    folder = tmp_path / "theirs"
    (folder / "link.html").symlink_to(secret)
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.html")
    (folder / "zero.html").symlink_to("/dev/zero")
    (folder / "large.html").write_bytes(b"x" * 1_000_001)
    (folder / "bytes.html").write_bytes(b"\xff")
    (folder / "nowhere.html").symlink_to("nothing")
    with pytest.raises(UsageError) as caught:
        drawn(folder, f"{{% include {named.format(absolute=secret)!r} %}}")
    assert said in caught.value.found
    assert SECRET not in str(caught.value)


def test_a_template_that_is_a_link_out_is_none(tmp_path, secret):
    folder = tmp_path / "theirs"
    (folder / "blocks" / "prose.html").symlink_to(secret)
    with pytest.raises(UsageError, match="cannot be read"):
        page("A title", [Prose(("text",))], own=Own.of(folder))


def test_links_inside_the_folder_are_their_own(tmp_path, secret):
    folder = tmp_path / "theirs"
    (folder / "blocks" / "mine.html").write_text("MINE")
    (folder / "blocks" / "prose.html").symlink_to("mine.html")
    (tmp_path / "handed-on").symlink_to(folder)  # the reader's own link, to the folder as a whole
    for given in (folder, tmp_path / "handed-on"):
        assert "MINE" in page("A title", [Prose(("text",))], own=Own.of(given))
