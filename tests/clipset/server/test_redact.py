from __future__ import annotations

from time import thread_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib.ids import new_token
from clipset.server.redact import redact_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # Paths.
        ("/s/abc/", "/s/…"),
        ("/s/abc", "/s/…"),
        ("/s/abc/master.m3u8", "/s/…"),
        ("/s/abc/720p.mp4?t=90", "/s/…"),
        ("/register/abc/", "/register/…"),
        ("/password-reset/MQ/abc-def/", "/password-reset/…"),
        ("/password-reset/done/", "/password-reset/…"),
        ("/settings/email/abc-def/", "/settings/email/…"),
        ("/clips/s/abc/", "/clips/s/…"),
        # Request lines.
        ("GET /s/abc/ HTTP/1.1", "GET /s/… HTTP/1.1"),
        ("POST /register/abc/?x=1 HTTP/2", "POST /register/… HTTP/2"),
        ("GET /s/ab c/ HTTP/1.0", "GET /s/… HTTP/1.0"),
        ("GET /s/abc", "GET /s/…"),
        # URLs.
        ("https://clips.example/s/abc/", "https://clips.example/s/…"),
        ("https://clips.example:8000/register/abc/?a#b", "https://clips.example:8000/register/…"),
        # In a query, encoded or not, once or more often.
        ("/login/?next=/s/abc/", "/login/?next=/s/…"),
        ("/login/?next=%2Fs%2Fabc%2F", "/login/?next=%2Fs%2F…"),
        ("/login/?next=%2fregister%2fabc%2f&x=1", "/login/?next=%2fregister%2f…"),
        ("/login/?next=%2Fpassword-reset%2FMQ%2Fabc", "/login/?next=%2Fpassword-reset%2F…"),
        ("/a?next=%252Fs%252Fabc", "/a?next=%252Fs%252F…"),
        ("/a?next=%25252Fs%25252Fabc", "/a?next=%25252Fs%25252F…"),
        ("GET /login/?next=%2Fs%2Fabc HTTP/1.1", "GET /login/?next=%2Fs%2F… HTTP/1.1"),
        # Other spellings that Django decodes to the same path.
        ("/%73/abc", "/%73/…"),
        ("/%2573/abc", "/%2573/…"),
        ("/password%2Dreset/abc", "/password%2Dreset/…"),
        ("/%72egister%2Fabc", "/%72egister%2F…"),
        ("/S/abc", "/S/…"),
        ("/s//abc", "/s/…"),
        ("/s/./abc", "/s/…"),
        ("/s/a/s/b", "/s/…"),
        ("/s/a\nb", "/s/…"),
        ('/s/"abc', "/s/…"),
        # Nothing to hide.
        ("", ""),
        ("-", "-"),
        ("/", "/"),
        ("/s", "/s"),
        ("/s/", "/s/"),
        ("GET /s/ HTTP/1.1", "GET /s/ HTTP/1.1"),
        ("/password-reset/", "/password-reset/"),
        ("/settings/", "/settings/"),
        ("/v/abc/share/", "/v/abc/share/"),
        ("/registered/abc", "/registered/abc"),
        ("/categories/sports/", "/categories/sports/"),
        ("/users/?q=a&next=b", "/users/?q=a&next=b"),
        ("GET /static/css/base.css HTTP/1.1", "GET /static/css/base.css HTTP/1.1"),
        ("https://clips.example/v/abc/?t=90", "https://clips.example/v/abc/?t=90"),
    ],
)
def test_redact(path: str, expected: str) -> None:
    assert redact_path(path) == expected
    assert redact_path(redact_path(path)) == expected


names = st.sampled_from(["s", "register", "password-reset", "email"])
# Long enough not to occur in the surrounding text by chance.
tokens = st.builds(new_token) | st.from_regex(r"[A-Za-z0-9_-]{20,60}", fullmatch=True)
rests = st.sampled_from(["", "/", "/master.m3u8", "/720p.mp4?t=1&x=/s/", "/?a=b#c", "%2F", "/MQ/x"])


@given(names, tokens, rests, st.integers(0, 3), st.data())
def test_the_token_never_remains(
    name: str, token: str, rest: str, layers: int, data: st.DataObject
) -> None:
    spelled = "".join(
        f"%{ord(char):02x}" if data.draw(st.integers(0, 9)) == 0 else char for char in name
    )
    path = f"/{spelled}/{token}{rest}"
    encoded = path
    for _ in range(layers):
        encoded = quote(encoded, safe=data.draw(st.sampled_from(["", "/", "-"])))
    prefix = data.draw(
        st.sampled_from(["", "/", "/login/?next=", "https://a.example", "/login/?a=b&next="])
    )
    text = f"{prefix}{encoded}"
    for line in (text, f"GET {text} HTTP/1.1", f"{text} HTTP/1.1"):
        redacted = redact_path(line)
        assert token not in redacted
        assert token[:10] not in redacted
        assert "…" in redacted
        assert redacted.endswith(" HTTP/1.1") == line.endswith(" HTTP/1.1")


@given(st.text(alphabet=st.characters(exclude_categories=[])), names, tokens, st.text())
def test_nor_between_any_other_text(before: str, name: str, token: str, after: str) -> None:
    assert token not in redact_path(f"{before}/{name}/{token}{after}")


@given(st.text(alphabet="/s%25F2HTP1. \n?=registe"))
def test_any_text_is_taken_and_redacted_once(text: str) -> None:
    once = redact_path(text)
    assert redact_path(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "%25" * 20_000,
        "%2525" * 9_000,
        "/s" * 20_000,
        "/password-rese" * 5_000,
        " HTTP/" + "1" * 20_000 + "x",
        " HTTP/1" * 9_000 + "x",
    ],
    ids=["percent", "percents", "segment", "name", "protocol", "protocols"],
)
def test_long_lines_take_no_time(text: str) -> None:
    started = thread_time()
    redact_path(text)
    assert thread_time() - started < 1
