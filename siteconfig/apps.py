from django.apps import AppConfig


class SiteconfigConfig(AppConfig):
    name = "siteconfig"
    verbose_name = "Site"

    def ready(self) -> None:
        from clipset.lib.transactions import watch_transactions
        from siteconfig import checks  # noqa: F401 registers them

        watch_transactions()
