"""All addresses of the site."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path, reverse_lazy
from django_q.models import Failure, OrmQ, Schedule, Success

from clipset.lib.converters import register_converters
from clipset.ui.admin import view_on_site
from siteconfig.views import security_txt

register_converters()

# Removed from the admin: schedules name functions, so an admin could run any code on the machine;
# groups are not used, since rights follow from roles.
for model in (Group, Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):  # OrmQ is not registered if Redis is the queue
        admin.site.unregister(model)

admin_patterns, admin_app, admin_name = admin.site.urls
on_site = admin.site.admin_view(view_on_site)
on_site.login_url = reverse_lazy("admin:login")  # type: ignore[attr-defined] # as Django's views
on_site_path = path(
    "r/<path:content_type_id>/<path:object_id>/", on_site, name="view_on_site"
)  # replaces Django's pattern of this name, which comes later

urlpatterns = [
    path("", include("videos.urls")),
    path("", include("accounts.urls")),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("admin/", ([on_site_path, *admin_patterns], admin_app, admin_name)),
]

handler400 = "clipset.ui.errors.bad_request"
handler403 = "clipset.ui.errors.permission_denied"
handler404 = "clipset.ui.errors.page_not_found"
handler500 = "clipset.ui.errors.server_error"
