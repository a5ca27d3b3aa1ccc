"""tus 1.0.0, the protocol for resumable uploads: https://tus.io/protocols/resumable-upload

Pure functions: requests are a method and headers, answers a status and headers. The package uses no
Django, database or files.
"""
