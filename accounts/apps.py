from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Members"

    def ready(self) -> None:
        from accounts import attention, audit_words, undo
        from accounts.services.second_factor_dates import follow_config
        from siteconfig.services.config import register_follower

        attention.register_sources()
        audit_words.register_words()
        undo.register_undos()
        register_follower(follow_config)
