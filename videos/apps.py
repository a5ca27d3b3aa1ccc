from django.apps import AppConfig


class VideosConfig(AppConfig):
    name = "videos"

    def ready(self) -> None:
        from videos import checks, doctor, health, signals  # noqa: F401 registers them

        health.register_checks()
        doctor.register_checks()
