from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Members"

    def ready(self) -> None:
        from accounts import attention, audit_words, undo

        attention.register_sources()
        audit_words.register_words()
        undo.register_undos()
