from django.apps import AppConfig


class VideosConfig(AppConfig):
    name = "videos"

    def ready(self) -> None:
        from videos import checks, signals  # noqa: F401 registers them
        from videos.health import register_checks

        register_checks()
