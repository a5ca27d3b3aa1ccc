"""Reads and controls the player of a watch page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as TookTooLong

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Records what the security policy of a page stops, from the page's start.
STOPPED = """
    window.stopped = [];
    addEventListener("securitypolicyviolation", (event) => window.stopped.push(
        `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`));
"""
STATE = """video => ({
    time: video.currentTime, duration: video.duration, width: video.videoWidth,
    height: video.videoHeight, ended: video.ended, paused: video.paused, muted: video.muted,
    volume: video.volume, rate: video.playbackRate, ready: video.readyState,
    error: video.error && `${video.error.code}: ${video.error.message}`,
})"""


# The state that tells why a video does not play.
INSIDE = """video => {
    const source = video.closest("clip-player")?.source, hls = source?.hls;
    const ranges = [...Array(video.buffered.length).keys()];
    return {
        buffered: ranges.map((at) => [video.buffered.start(at), video.buffered.end(at)]),
        seeking: video.seeking, network: video.networkState, src: video.currentSrc,
        hls: hls && {
            state: hls.streamController?.state, start: hls.startPosition, current: hls.currentLevel,
            load: hls.loadLevel, next: hls.nextLevel, auto: hls.autoLevelEnabled,
            fragment: hls.streamController?.fragCurrent?.sn, levels: hls.levels.length,
        },
        asked: performance.getEntriesByType("resource").filter(({ name }) => name.includes("/v/"))
            .map(({ name, responseStatus, responseEnd, startTime }) =>
                `${Math.round(startTime)}-${Math.round(responseEnd)} ${responseStatus} ${name}`),
    };
}"""


def state(page: Page) -> dict[str, Any]:
    told: dict[str, Any] = page.locator("video.player__video").evaluate(STATE)
    return told


def wait_until(page: Page, condition: str, *, seconds: float = 30) -> None:
    """Waits until a JavaScript expression of `video` is true."""
    try:
        page.wait_for_function(
            f"() => {{ const video = document.querySelector('video.player__video');"
            f" return video && ({condition}); }}",
            timeout=seconds * 1000,
        )
    except TookTooLong as error:
        inside = page.locator("video.player__video").evaluate(INSIDE)
        raise AssertionError(f"never {condition}, but {state(page)}: {inside}") from error


def play_to_the_end(page: Page) -> dict[str, Any]:
    """Plays at four times the speed: painting each second costs most of the processor time.

    test_journeys.py plays a video at its own speed to its end while it is made.
    """
    wait_until(page, "video.readyState >= 1")
    page.locator("video.player__video").evaluate(
        "video => { video.playbackRate = 4; video.play(); }"
    )
    wait_until(page, "video.ended || video.error")
    return state(page)


def seek(page: Page, seconds: float) -> dict[str, Any]:
    wait_until(page, "video.readyState >= 1")
    page.locator("video.player__video").evaluate(
        "(video, to) => { video.pause(); video.currentTime = to; }", seconds
    )
    wait_until(page, "!video.seeking && video.readyState >= 2")
    return state(page)
