"""What touches the world: thin functions over the store, TikTok, files and QR codes. They decide nothing about order."""
