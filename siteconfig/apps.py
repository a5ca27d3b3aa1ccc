from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class SiteconfigConfig(AppConfig):
    name = "siteconfig"
    verbose_name = "Site"

    def ready(self) -> None:
        from clipset.database.transactions import watch_transactions
        from siteconfig import (
            checks,  # noqa: F401 the import registers Django's system checks
            doctor_checks,
            health_checks,
        )

        watch_transactions()
        health_checks.register_checks()
        doctor_checks.register_checks()


class GuardedAdminConfig(AdminConfig):
    """Django's admin app, with `admin.site` replaced by the site's own class."""

    default_site = "clipset.ui.admin_site.GuardedSite"
