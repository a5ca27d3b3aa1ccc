"""All addresses of the site."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path
from django_q.models import Failure, OrmQ, Schedule, Success

from clipset.lib.converters import register_converters

register_converters()

# What would let an admin of the site run code on its machine (a schedule names a function), or
# take apart what follows from roles by itself.
for model in (Group, Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):  # OrmQ is not while Redis is the queue
        admin.site.unregister(model)

urlpatterns = [
    path("", include("videos.urls")),
    path("", include("categories.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
