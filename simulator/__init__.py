"""TikTok, pretended: the API for Business v1.3, the app's consent page, and a control API for tests."""
