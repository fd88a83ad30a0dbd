"""Where connections arrive and which worker gets them."""
