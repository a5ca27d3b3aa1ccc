from django.apps import AppConfig


class SiteconfigConfig(AppConfig):
    name = "siteconfig"
    verbose_name = "Site"

    def ready(self) -> None:
        from siteconfig import checks  # noqa: F401 registers them
        from siteconfig.health_checks import register_checks

        register_checks()
