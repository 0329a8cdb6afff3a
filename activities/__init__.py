"""What touches the world: thin functions over store, TikTok, files and QR codes. They decide nothing about order."""
