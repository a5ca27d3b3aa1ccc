"""Addresses of what a category itself has. Its page lists videos and lives with them."""

from django.urls import path

from categories.views import cover

urlpatterns = [path("categories/<slug:slug>/cover.webp", cover, name="category_cover")]
