from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class SiteconfigConfig(AppConfig):
    name = "siteconfig"
    verbose_name = "Site"

    def ready(self) -> None:
        from clipset.database.transactions import watch_transactions
        from siteconfig import (
            attention_sources,
            audit_kinds,
            checks,  # noqa: F401 the import registers Django's system checks
            doctor_checks,
            health_checks,
        )
        from siteconfig.audit_triggers import create_triggers
        from siteconfig.services.undo_config import register_undos

        watch_transactions()
        post_migrate.connect(create_triggers, sender=self)
        audit_kinds.register_words()
        register_undos()
        health_checks.register_checks()
        doctor_checks.register_checks()
        attention_sources.register_sources()


class GuardedAdminConfig(AdminConfig):
    """Django's admin app, with `admin.site` replaced by the site's own class."""

    default_site = "accounts.admin_site.RecordedSite"
