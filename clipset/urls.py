"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("videos.urls")),
    path("", include("categories.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
