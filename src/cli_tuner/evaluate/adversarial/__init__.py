"""What comes of requests that ask for harm, and of ordinary ones that only look like them."""
