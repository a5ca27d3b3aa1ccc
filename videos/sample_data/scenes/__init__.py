"""What the demo clips show."""

from videos.sample_data.scenes.base import Scene
from videos.sample_data.scenes.computed import game_of_life, mandelbrot
from videos.sample_data.scenes.lights import lanterns, night_drive
from videos.sample_data.scenes.skies import aurora, star_trails, sunrise
from videos.sample_data.scenes.tables import record, soup
from videos.sample_data.scenes.water import regatta

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
