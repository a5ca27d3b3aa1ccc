"""What the demo clips show."""

from videos.services.samples.scenes.base import Scene
from videos.services.samples.scenes.computed import game_of_life, mandelbrot
from videos.services.samples.scenes.lights import lanterns, night_drive
from videos.services.samples.scenes.skies import aurora, star_trails, sunrise
from videos.services.samples.scenes.tables import record, soup
from videos.services.samples.scenes.water import regatta

__all__ = [
    "Scene",
    "aurora",
    "game_of_life",
    "lanterns",
    "mandelbrot",
    "night_drive",
    "record",
    "regatta",
    "soup",
    "star_trails",
    "sunrise",
]
