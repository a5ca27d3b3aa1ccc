"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path

from clipset.lib.converters import register_converters

register_converters()

urlpatterns = [
    path("", include("videos.urls")),
    path("", include("categories.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
