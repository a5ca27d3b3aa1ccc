from django.apps import AppConfig


class VideosConfig(AppConfig):
    name = "videos"

    def ready(self) -> None:
        from accounts.services.members import register_locker
        from accounts.services.security_notifications import register_notifier
        from accounts.services.trash import register_mover
        from siteconfig.backup.expected import (
            register_expected_files,
            register_removals,
            register_restorer,
        )
        from videos import (
            attention,
            audit_words,
            checks,  # noqa: F401 the import registers Django's system checks
            doctor,
            health,
            signals,  # noqa: F401 the import connects them
            undo,
        )
        from videos.services.file_hashes import expected_files
        from videos.services.finalising import files_are_being_finalised
        from videos.services.locks import lock_videos_of
        from videos.services.notifications import notify_of_account
        from videos.services.removals import removals_are_at_work
        from videos.services.restoring import bring_back
        from videos.services.trash import move_videos_of

        audit_words.register_words()
        undo.register_undos()
        health.register_checks()
        doctor.register_checks()
        attention.register_sources()
        register_notifier(notify_of_account)
        register_mover(move_videos_of)
        register_locker(lock_videos_of)
        register_restorer(bring_back)
        register_expected_files(expected_files)
        register_removals(removals_are_at_work)
        register_removals(files_are_being_finalised)
