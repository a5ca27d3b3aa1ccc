"""tus 1.0.0, the protocol for uploads that can be resumed: https://tus.io/protocols/resumable-upload

Pure: requests come as a method and headers, answers go as a status and headers. Nothing here knows
Django, a database or a file.
"""
