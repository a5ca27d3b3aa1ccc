"""Static files with hashed names, also for what JavaScript modules import."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # untyped
    support_js_module_import_aggregation = True
