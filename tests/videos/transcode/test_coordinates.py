"""Texts that hold a place, in the forms that cameras write, and texts that do not."""

from __future__ import annotations

import time

import pytest

from videos.transcode.captions import Cue, write_vtt
from videos.transcode.coordinates import holds_coordinates, names_place

PLACES = [
    # DJI, from old to new
    "HOME(149.0251,-20.2533) 2017.08.05 14:11:51",
    "GPS(149.0251,-20.2533,16) BAROMETER:1.9",
    "F/2.8, SS 640.61, ISO 100, EV 0, GPS (13.4050, 52.5200, 18), D 24.26m, H 6.00m",
    "[iso : 110] [shutter : 1/200.0] [latitude : 52.520008] [longtitude : 13.404954]",
    "[latitude: 52.52] [longitude: 13.405] [rel_alt: 1.300 abs_alt: 34.5]",
    "GPS (W: 122.1234, N: 37.1234, 84.9m)",
    # decimal degrees
    "52.5200, 13.4050",
    "-33.8688 151.2093",
    "52.520,13.405",
    "52,5200 / 13,4050",
    "52.5200° N 13.4050° E",
    "N52.520 E013.405",
    "52.5200N, 13.4050E",
    "52.52N 13.405E",
    "N52.52 E13.41",
    "Lat 52.52 Lon 13.40",
    "lat=52.5200&lng=13.4050",
    "Latitude:\u22123.38 Longitude: 29.36",
    '{"lat":52.52,"lng":13.4}',
    "lat: 525200000 lon: 134050000",
    "https://maps.example/@52.52,13.40,17z",
    "geo:52.5,13.4",
    "Breitengrad: 52,5",
    "HOME: 52.520 Position 13.405",
    "52.5200° 13.4050°",
    # degrees, minutes, seconds
    "52°31'12\"N 13°24'18\"E",
    "52° 31.2′ N",
    "52 deg 31' 12.00\" N",
    "５２°３１'１２\"",
    "52 31 12 N 13 24 18 E",
    "52:31:12.5N, 13:24:18.1E",
    # NMEA 0183
    "$GPGGA,120000,5231.2000,N,01324.3000,E,1,08,0.9,34.0,M",
    "$GNRMC,120000,A,5231.2000,N,01324.3000,E,0.0,0.0,010125",
    "5231.2000,N,01324.3000,E",
    # ISO 6709
    "+52.5200+013.4050/",
    "+52.5200+013.4050+034.000/",
    "+523112+0132418/",
    "+52.5-13.4/",
    # other systems
    "9F4MGC2M+XXX",
    "33U 392000 5820000",
]
OTHERS = [
    "",
    "No numbers at all + a sign",
    "I turned 18 in 2004.",
    "It costs 12.99, not 13.49.",
    "Between 10.000, 20.000 and 30.000 people came.",
    "Pi is 3.14159265",
    "A ratio of 1.6180 is golden.",
    "Version 2.0.1, 3.4.5",
    "It was 31.5 °C, or 88.7 °F, and 37.5° in the water.",
    "Turn it by 90°, then by 45°, then by 22.5°.",
    "Meet me at 12:30, 13:45 or 14.15.",
    "It took 1:02:03, N 12 came after 1:05:06 or so, E 3 later.",
    "The long 3 km at home 2 days ago, as long: 12.5, home 12.50, position: 1.25",
    "Latitude is what we need.",
    "+1 +2 +3",
    "Call +49 30 1234567",
    "F/2.8, SS 640.61, ISO 100, EV 0, D 24.26m, H 6.00m, H.S 2.10m/s",
]


@pytest.mark.parametrize("text", PLACES)
def test_places_are_found(text: str) -> None:
    assert names_place(text)
    assert holds_coordinates(write_vtt([Cue(0, 900, "Hello"), Cue(1000, 2000, f"<b>{text}</b>")]))


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_are_not_places(text: str) -> None:
    assert not names_place(text)


def test_a_place_is_found_over_two_lines() -> None:
    assert holds_coordinates(write_vtt([Cue(0, 900, "52.5200\n13.4050")]))
    assert not holds_coordinates(write_vtt([Cue(0, 900, "52.5200"), Cue(900, 1900, "apples")]))


@pytest.mark.parametrize(
    "part", ["1.2345 ", "+12.3", "lat ", "N1.2", "((((", "1234567890", "1,2,", "1 2 3 N"]
)
def test_hostile_text_takes_no_longer_than_its_length(part: str) -> None:
    text = part * (500_000 // len(part)) + "x"
    before = time.process_time()
    names_place(text)
    assert time.process_time() - before < 3
